"""What the server counts, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

__all__ = ["Metrics"]

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one server, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        model = ("model", "version")
        self.requests = Counter(
            "taeda_requests", "Answered HTTP requests", ("route", "model", "status"), registry=self._registry
        )
        self.in_flight = Gauge(
            "taeda_requests_in_flight", "HTTP requests that wait for their answer", registry=self._registry
        )
        self.request_seconds = Histogram(
            "taeda_request_seconds",
            "Seconds from the arrival of a request to its answer",
            ("route",),
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.inference_seconds = Histogram(
            "taeda_inference_seconds",
            "Seconds that the model took for a batch",
            model,
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.batch_rows = Histogram(
            "taeda_batch_rows", "Rows in a batch", model, registry=self._registry, buckets=_ROWS
        )
        self.queue_rows = Gauge(
            "taeda_queue_rows", "Rows that wait for a worker", model, registry=self._registry
        )
        self.workers = Gauge("taeda_workers", "Model workers that are ready", model, registry=self._registry)
        self.restarts = Counter(
            "taeda_worker_restarts",
            "Model workers that ended and were started again",
            model,
            registry=self._registry,
        )
        self.rejected = Counter(
            "taeda_rejected_requests",
            "Requests refused because the queue was full",
            model,
            registry=self._registry,
        )

    content_type = CONTENT_TYPE_LATEST

    def render(self) -> bytes:
        """Return all counters as text."""
        return generate_latest(self._registry)
