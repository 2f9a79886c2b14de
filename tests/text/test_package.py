"""The names that the package exports."""

import taeda_text


def test_public_names():
    assert taeda_text.__all__ == [
        "TokenBatch",
        "WordPieceTokenizer",
        "__version__",
        "data",
        "datasets",
        "functional",
        "models",
        "transforms",
        "vocab",
    ]
