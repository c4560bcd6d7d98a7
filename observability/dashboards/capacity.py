"""What the replicas run out of: places for requests, processors, memory, files."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import Panel

from observability.alerts import NEARLY_FULL, Watch
from observability.dashboards.panels import above, chart, runbooks, units
from observability.dashboards.queries import of_release, rate

_REPLICA = "{{instance}} {{replica}}"


def fullness(watch: Watch) -> str:
    """The share of the requests that a replica takes at once which are under way."""
    under_way = watch.series.of("api_requests_in_flight")
    return of_release(watch.series, f"{under_way} / {watch.series.of('api_requests_limit')}")


def saturation(watch: Watch) -> Sequence[Builder[Panel]]:
    """How near the replicas are to refusing requests, and what they refused."""
    series = watch.series
    shed = of_release(series, rate(series, "api_requests_shed_total"))
    return [
        chart(
            "Fullness by replica",
            "Requests under way as a share of what the replica takes at once.",
            units.PercentUnit,
            {_REPLICA: fullness(watch)},
        )
        .thresholds(above(NEARLY_FULL, 1))
        .links(runbooks("Saturation")),
        chart(
            "Requests under way",
            "Of all replicas, and how many they take at once.",
            units.Short,
            {
                "under way": f"sum({of_release(series, series.of('api_requests_in_flight'))})",
                "limit": f"sum({of_release(series, series.of('api_requests_limit'))})",
            },
        ),
        chart(
            "Refused predictions",
            "Answered 503 unread per second, because too many were under way.",
            units.RequestsPerSecond,
            {"{{endpoint}}": f"sum by (endpoint) ({shed})"},
        ).links(runbooks("RequestsShed")),
    ]


def processes(watch: Watch) -> Sequence[Builder[Panel]]:
    """What each replica's processes use; with several workers their sum."""
    series = watch.series
    cores = of_release(series, rate(series, "process_cpu_seconds_total"))
    memory = of_release(series, series.of("process_resident_memory_bytes"))
    files = of_release(series, f"{series.of('process_open_fds')} / {series.of('process_max_fds')}")
    age = of_release(series, f"time() - {series.of('process_start_time_seconds')}")
    return [
        chart("Processor", "Cores in use by replica.", units.Short, {_REPLICA: cores}).links(runbooks("LatencyHigh")),
        chart("Memory", "Resident memory by replica.", units.BytesIEC, {_REPLICA: memory}),
        chart("Open files", "As a share of what is allowed.", units.PercentUnit, {_REPLICA: files}).thresholds(
            above(NEARLY_FULL, 1)
        ),
        chart(
            "Time since the last start",
            "A line that falls to zero again and again is a replica that crashes.",
            units.Seconds,
            {_REPLICA: age},
        ).links(runbooks("CrashLooping")),
    ]
