"""Objectives say what is wrong with them, and their rules speak of nothing that the service does not expose."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from observability.alerts import Watch
from observability.burn_rate import BURNS, rate
from observability.series import Series
from observability.slo import Availability, Latency, Quality, Slo, SloError


@pytest.mark.parametrize(
    ("objective", "field", "value"),
    [
        (Availability, "target", 1),
        (Availability, "target", 0.4),
        (Latency, "target", 99),
        (Latency, "threshold_seconds", 0),
        (Quality, "psi_limit", 0),
        (Quality, "window", "6 hours"),
        (Quality, "minimum_rows", 0),
        (Slo, "window_days", 3),
        (Slo, "minimum_requests", 0),
        (Slo, "model_age_days", 0),
    ],
)
def test_an_impossible_objective_names_the_field_the_value_and_the_remedy(
    objective: type[Any], field: str, value: object
) -> None:
    head, *tail = field.split("_")
    name = head + "".join(part.capitalize() for part in tail)
    with pytest.raises(SloError, match=rf"{name} is '?{re.escape(str(value))}'?: (use|write) "):
        objective(**{field: value})


def test_the_latency_objective_has_a_bucket_of_its_own() -> None:
    buckets = Slo(latency=Latency(threshold_seconds=0.2)).buckets
    assert 0.2 in buckets
    assert list(buckets) == sorted(set(buckets))


@pytest.mark.parametrize("seconds", [0.001, 0.1, 1.25, 2.5, 10])
def test_a_latency_that_alarms_is_told_apart_from_a_worse_one(seconds: float) -> None:
    slo = Slo(latency=Latency(threshold_seconds=seconds))
    assert slo.buckets[-1] > slo.latency.alarming_seconds


@pytest.mark.parametrize(("seconds", "matcher"), [(0.1, 'le="0.1"'), (1, 'le=~"1([.]0)?"'), (2.5, 'le="2.5"')])
def test_a_bucket_is_found_however_a_client_writes_its_bound(seconds: float, matcher: str) -> None:
    assert matcher in Series().fast(Slo(latency=Latency(threshold_seconds=seconds)), "5m")


def test_the_burn_rates_are_those_of_the_workbook() -> None:
    assert [round(rate(burn, 30), 1) for burn in BURNS] == [14.4, 6.0, 3.0, 1.0]


def test_what_cannot_be_judged_has_no_alert() -> None:
    def names(**known: Any) -> set[str]:
        return {rule.name for rule in Watch(slo=Slo(), series=Series(), **known).rules().alerts}

    everything = names(replicas=2)
    assert everything - names(replicas=0) == {"MetricsMissing"}
    assert everything - names(replicas=2, releases=False) == {"WrongRelease"}


def test_the_rules_ask_for_metrics_that_the_service_documents_and_for_this_deployment_alone(repository: Path) -> None:
    documented = set(re.findall(r"^\| `(\w+)`", (repository / "docs/metrics.md").read_text(), re.MULTILINE)) | {"up"}
    rules = Watch(slo=Slo(), series=Series(matchers='job="mine"'), replicas=2).rules()
    asked = [
        found for rule in (*rules.recordings, *rules.alerts) for found in re.findall(r"(\w+)\{([^,}]*)", rule.expr)
    ]
    assert {re.sub("_(bucket|count)$", "", metric) for metric, _ in asked} <= documented
    assert {matcher for _, matcher in asked} == {'job="mine"'}
