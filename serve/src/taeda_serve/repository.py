"""The models that a server serves, by name and version."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from taeda_serve.archive import read_archive
from taeda_serve.errors import RequestError, explain
from taeda_serve.metrics import Metrics
from taeda_serve.runner import ModelRunner
from taeda_serve.settings import Settings

__all__ = ["ModelRepository"]


class ModelRepository:
    """Registers, finds and unregisters models.

    Args:
        settings: given to every model's runner.
        metrics: given to every model's runner.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._runners: dict[str, dict[str, ModelRunner]] = {}
        self._lock = asyncio.Lock()

    @property
    def names(self) -> list[str]:
        """Names of the models, in the order of registration."""
        return list(self._runners)

    @property
    def runners(self) -> list[ModelRunner]:
        """All versions of all models."""
        return [runner for versions in self._runners.values() for runner in versions.values()]

    @property
    def ready(self) -> bool:
        """Whether every model can answer."""
        return all(runner.ready_workers for runner in self.runners)

    def versions(self, name: str) -> list[str]:
        """Versions of a model, oldest first by number."""
        return sorted(self._runners.get(name, {}), key=_version_key)

    def get(self, name: str, version: str | None = None) -> ModelRunner:
        """Find a model; without a version the newest one.

        Raises:
            RequestError: 404, listing what there is.
        """
        versions = self._runners.get(name)
        if not versions:
            raise RequestError.about(
                404,
                "model",
                expected=f"one of {self.names or 'none, because nothing is registered'}",
                got=repr(name[:80]),
                fix="see GET /models",
            )
        if version is None:
            return versions[self.versions(name)[-1]]
        if version not in versions:
            raise RequestError.about(
                404,
                f"version of model {name!r}",
                expected=f"one of {self.versions(name)}",
                got=repr(version[:40]),
                fix="leave the version out for the newest",
            )
        return versions[version]

    async def register(self, path: str | Path) -> ModelRunner:
        """Load an archive, start its workers and serve it.

        Raises:
            FileNotFoundError, ArchiveError, ServerStartError: if it cannot be served.
            RequestError: 409 if this name and version is served already.
        """
        archive = await asyncio.to_thread(read_archive, path)
        manifest = archive.manifest
        async with self._lock:
            if manifest.version in self._runners.get(manifest.name, {}):
                text = explain(
                    str(path),
                    expected="a name and version that is not served yet",
                    got=f"{manifest.name!r} version {manifest.version!r} again",
                    fix="unregister it first, or package with another --version",
                )
                raise RequestError(409, text)
            runner = ModelRunner(archive, self._settings, self._metrics)
            try:
                await runner.start()
            except BaseException:
                await runner.stop(0.0)
                raise
            self._runners.setdefault(manifest.name, {})[manifest.version] = runner
        return runner

    async def unregister(self, name: str, version: str | None = None) -> list[str]:
        """Stop serving a version, or all versions; returns which.

        Raises:
            RequestError: 404 if there is no such model.
        """
        self.get(name, version)
        async with self._lock:
            versions = self._runners[name]
            gone = [versions.pop(v) for v in self.versions(name) if version in (None, v)]
            if not versions:
                del self._runners[name]
        await asyncio.gather(*(runner.stop(self._settings.drain_timeout) for runner in gone))
        return [runner.manifest.version for runner in gone]

    async def stop(self) -> None:
        """Drain and stop everything."""
        await asyncio.gather(*(runner.stop(self._settings.drain_timeout) for runner in self.runners))
        self._runners.clear()


def _version_key(version: str) -> list[tuple[int, int, str]]:
    """Order `1.10` after `1.9`: numbers by value, before words."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"\.", version)]
