"""The sum of all workers' metrics: their counters from the shared directory, their process statistics from /proc.

The directory belongs to the supervisor, which makes it, names it to its workers in the environment, tells it of their
births and deaths, and removes it at exit.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.bins import BinCollector, Layout
from app.tally import read_all

DIRECTORY_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
_PID_SUFFIX = ".pid"


def workers_registry(directory: Path, layout: Layout) -> CollectorRegistry:
    """A registry that collects what all workers have written into ``directory``, cells as in ``layout``."""
    registry = CollectorRegistry()
    registry.register(WorkerCounts(directory))
    registry.register(BinCollector(layout, functools.partial(read_all, directory, layout.cells)))
    registry.register(WorkerProcesses(directory))
    return registry


def worker_started(directory: Path, slot: int, pid: int) -> None:
    """Note the process that now is worker ``slot``."""
    (directory / f"{slot}{_PID_SUFFIX}").write_text(str(pid))


def worker_died(directory: Path, slot: int) -> None:
    """Forget the gauges of worker ``slot``; its counters and histograms stay in the sums."""
    (directory / f"{slot}{_PID_SUFFIX}").unlink(missing_ok=True)
    mark_process_dead(slot, path=str(directory))


class WorkerCounts(Collector):
    """What all workers have counted."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """The merged metrics. A worker that starts opens its files empty; reading one then would fail the scrape."""
        files: list[str] = []
        for file in sorted(self._directory.glob("*.db")):
            with contextlib.suppress(FileNotFoundError):  # its worker died since the listing
                if file.stat().st_size:
                    files.append(str(file))
        yield from MultiProcessCollector.merge(files, accumulate=True)


class WorkerProcesses(Collector):
    """The process metrics summed over the living workers; of the start times the latest, so that a restart shows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def collect(self) -> Iterator[Metric]:
        """The metrics of `prometheus_client.ProcessCollector`, one sample each."""
        totals: dict[str, Metric] = {}
        for pid in _living(self._directory):
            for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():
                total = totals.setdefault(metric.name, metric)
                if total is not metric:
                    (mine,), (other,) = total.samples, metric.samples
                    latest = metric.name == "process_start_time_seconds"
                    value = max(mine.value, other.value) if latest else mine.value + other.value
                    total.samples = [mine._replace(value=value)]
        yield from totals.values()


def _living(directory: Path) -> Iterator[str]:
    """The process ids of the workers alive."""
    for file in directory.glob(f"*{_PID_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):  # it died since the listing
            yield file.read_text()
