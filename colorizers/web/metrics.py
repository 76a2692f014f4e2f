"""How busy the server is, for Prometheus: jobs by method and end, the line, the models; nothing of visitors."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from colorizers.engine import Engine
from colorizers.errors import ColorizerError
from colorizers.words import Text

if TYPE_CHECKING:
    from prometheus_client import Metric

_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


def metrics_of(engine: Engine) -> Callable[[Request], Response]:
    """What answers a request for the metrics of an engine, whose jobs are counted from now on."""
    try:
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
    except ImportError as error:
        raise ColorizerError(Text("commands.serve.no-metrics", package="prometheus-client")) from error
    registry = CollectorRegistry()
    told = "From its start to its end, in seconds; their count is that of the jobs."
    jobs = Histogram("colorizers_job_seconds", told, ["method", "outcome"], registry=registry, buckets=_SECONDS)
    engine.ended = lambda method, outcome, seconds: jobs.labels(method, outcome).observe(seconds)
    registry.register(_Now(engine))
    return lambda request: Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Now:
    """What is looked up when it is asked for; of a cluster the sums of its replicas, which begin anew with them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list["Metric"]:
        """Nothing beforehand: a cluster would be asked."""
        return []

    def collect(self) -> Iterator["Metric"]:
        """The line, the jobs and the pool at present."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        health = self._engine.health()
        pool = health.pool
        yield GaugeMetricFamily("colorizers_line", "Visitors in the line.", value=self._engine.in_line())
        yield GaugeMetricFamily("colorizers_jobs", "Jobs that run or wait for the device.", value=health.jobs)
        yield GaugeMetricFamily("colorizers_pool_bytes", "Of the models in memory.", value=pool.bytes)
        yield CounterMetricFamily("colorizers_pool_hits", "Models that were in memory.", value=pool.hits)
        yield CounterMetricFamily("colorizers_pool_misses", "Models that were not.", value=pool.misses)
        yield CounterMetricFamily("colorizers_pool_evictions", "Models that had to leave.", value=pool.evictions)
