"""The names that the package exports."""

import taeda_audio


def test_public_names():
    assert taeda_audio.__all__ == [
        "AudioMetaData",
        "__version__",
        "datasets",
        "functional",
        "info",
        "load",
        "models",
        "save",
        "transforms",
    ]
