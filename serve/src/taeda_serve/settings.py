"""Settings of a server: one record that the command line fills in."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from taeda_serve.batching import BatchPolicy
from taeda_serve.images import MAX_PIXELS

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """How a server listens, batches and limits.

    Args:
        host: address to listen on.
        port: TCP port, 0 for a free one.
        workers: processes per model.
        threads: threads of one worker; 0 shares the cores among the workers of one model.
        batching: the policy of every model's queue.
        max_body: largest accepted request body in bytes.
        max_pixels: largest accepted width times height of an image.
        request_timeout: seconds from a request's arrival to its answer.
        start_timeout: seconds that a worker may take to load its model.
        drain_timeout: seconds that a stopping server gives the requests it holds.
        management_token: what `Authorization: Bearer` must carry to manage models; None forbids it.
        model_store: folder that models may be registered from; None forbids it.
        trust: architecture references outside the allow-list that may be used.
        access_log: whether to log every request.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    threads: int = 0
    batching: BatchPolicy = field(default_factory=BatchPolicy)
    max_body: int = 16 * 2**20
    max_pixels: int = MAX_PIXELS
    request_timeout: float = 30.0
    start_timeout: float = 120.0
    drain_timeout: float = 10.0
    management_token: str | None = None
    model_store: str | None = None
    trust: tuple[str, ...] = ()
    access_log: bool = False

    @property
    def threads_per_worker(self) -> int:
        """Threads of one worker, sharing the usable cores unless set."""
        if self.threads:
            return self.threads
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        return max(1, cores // self.workers)
