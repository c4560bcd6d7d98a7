"""Recorded names are replaced by their expressions where no recording rule can be kept."""

from __future__ import annotations

import pytest

from observability.rules import AlertRule, RecordingRule, Rules


def alert(expr: str) -> AlertRule:
    return AlertRule(
        name="Errors",
        expr=expr,
        hold_seconds=60,
        severity="page",
        summary="errors",
        description="{{ $value }}",
        runbook="https://example.org/errors",
    )


def test_recordings_are_inlined_also_within_each_other_and_only_as_whole_names() -> None:
    rules = Rules(
        recordings=(
            RecordingRule(record="job:errors:rate5m", expr="sum(rate(errors_total[5m]))"),
            RecordingRule(record="job:errors:ratio", expr="job:errors:rate5m / sum(rate(requests_total[5m]))"),
        ),
        alerts=(alert("job:errors:ratio > 0.1 and job:errors:rate5m_other > 1"),),
    )
    (found,) = rules.inlined()
    assert found.expr == (
        "((sum(rate(errors_total[5m]))) / sum(rate(requests_total[5m]))) > 0.1 and job:errors:rate5m_other > 1"
    )


def test_a_matcher_on_a_recorded_name_cannot_be_inlined() -> None:
    rules = Rules(recordings=(RecordingRule(record="a:b:c", expr="sum(x)"),), alerts=(alert('a:b:c{job="j"} > 1'),))
    with pytest.raises(ValueError, match=r"'a:b:c' is selected from.*put the matcher into the recording"):
        rules.inlined()
