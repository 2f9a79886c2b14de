"""The names that the package exports."""

import taeda_serve


def test_public_names():
    assert taeda_serve.__all__ == [
        *("Architecture", "Archive", "ArchiveError", "Client", "Manifest", "PortInUseError", "RequestError"),
        *("RunningServer", "ServableModel", "ServeError", "ServerStartError", "TensorSpec", "TransformStep"),
        *("load_archive", "package", "read_archive"),
    ]
