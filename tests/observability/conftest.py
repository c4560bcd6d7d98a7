"""A service's series as promtool writes them, and a question to promtool: which alerts fire at what time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from observability.alerts import Watch
from observability.rule_file import rule_file
from observability.rules import with_releases
from observability.series import Series
from observability.slo import Slo

DAY = 24 * 60
RELEASE = "iris-0123456789ab-0123456789ab"
INSTANCES = ("a:8001", "b:8001")
Timeline = dict[str, str]
"""Series → values, one each minute, in promtool's notation."""
Fires = Callable[..., set[str]]
"""(timeline, minute, minutes between evaluations=1) → alerts."""


def service(
    minutes: int, *, instances: tuple[str, ...] = INSTANCES, start: int = 0, release: str = RELEASE
) -> Timeline:
    """A healthy service with 10 requests per second and replica, from minute ``start`` on."""
    absent = f"_x{start} " if start else ""
    found: Timeline = {}

    def add(metric: str, instance: str, values: str, **labels: str) -> None:
        pairs = {"job": "service", "instance": instance, **labels}
        found[metric + "{" + ",".join(f'{name}="{value}"' for name, value in pairs.items()) + "}"] = absent + values

    for instance in instances:
        predict = {"endpoint": "/predict", "method": "POST"}
        add("up", instance, f"1x{minutes}")
        add("process_start_time_seconds", instance, f"{start * 60}x{minutes}")
        add("model_info", instance, f"1x{minutes}", version="v1")
        add("model_created_timestamp_seconds", instance, f"0x{minutes}")
        add("release_info", instance, f"1x{minutes}", release=release)
        add("api_requests_in_flight", instance, f"2x{minutes}")
        add("api_requests_limit", instance, f"64x{minutes}")
        add("api_requests_shed_total", instance, f"0x{minutes}", endpoint="/predict")
        add("api_requests_total", instance, f"0+600x{minutes}", status="200", **predict)
        add("api_requests_total", instance, f"0x{minutes}", status="500", **predict)
        add("api_request_latency_seconds_count", instance, f"0+600x{minutes}", endpoint="/predict")
        for bound in (*(f"{bound:g}" for bound in Slo().buckets if bound >= 0.005), "+Inf"):
            add("api_request_latency_seconds_bucket", instance, f"0+600x{minutes}", endpoint="/predict", le=bound)
        for part, labels in (("feature", {"feature": "x"}), ("prediction", {})):
            for number in "01":
                add(f"model_{part}_bin_total", instance, f"0+300x{minutes}", version="v1", bin=number, **labels)
                add(f"model_{part}_bin_expected", instance, f"0.5x{minutes}", version="v1", bin=number, **labels)
    return found


def changed(timeline: Timeline, metric: str, values: str, *, labels: str = "") -> Timeline:
    """``timeline`` with other values for the series of ``metric`` whose labels contain ``labels``."""
    matching = [name for name in timeline if name.startswith(f"{metric}{{") and labels in name]
    assert matching, f"no series {metric} with {labels}"
    return timeline | dict.fromkeys(matching, values)


@pytest.fixture
def fires(tmp_path: Path) -> Fires:
    """The names of the alerts that fire at a minute of a timeline, according to promtool."""
    watch = Watch(slo=Slo(), series=Series(), replicas=2)
    (tmp_path / "rules.yml").write_text(with_releases(rule_file(watch.rules()), [RELEASE]))

    def ask(timeline: Mapping[str, str], minute: int, every: int = 1) -> set[str]:
        question = {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": '{alertname="asked"}', "value": -1}],
        }
        test = {
            "rule_files": ["rules.yml"],
            "evaluation_interval": f"{every}m",
            "tests": [
                {
                    "interval": "1m",
                    "input_series": [{"series": name, "values": values} for name, values in timeline.items()],
                    "promql_expr_test": [question],
                }
            ],
        }
        (tmp_path / "test.yml").write_text(json.dumps(test))
        done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True)
        return _got(done.stdout + done.stderr)

    return ask


def _got(report: str) -> set[str]:
    """The alert names in what promtool says it got instead of the impossible answer that it was told to expect."""
    _, found, got = report.partition("got:")
    assert found, report
    return {piece.split('"')[0] for piece in got.split('alertname="')[1:]}
