"""Makes the tests' own modules importable and keeps warnings from changing which test shows them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(autouse=True)
def _fresh_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    from taeda_lightning import messages

    monkeypatch.setattr(messages, "_shown", set())


@pytest.fixture(autouse=True)
def _fast_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checkpoints are synced to disk, which takes long on a busy machine and shows nothing here."""
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
