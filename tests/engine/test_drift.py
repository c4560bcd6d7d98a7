"""What somebody changed behind Pulumi's back is shown, and taken back."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment, Step

pytestmark = pytest.mark.engine

# What is changed by hand and what is taken away, in each cloud: (type, name, changed properties) and (type, name).
CHANGED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "azure-dev": ("azure-native:app:ContainerApp", "compute", {"tags": {"owner": "somebody"}}),
    "aws-dev": ("aws:appautoscaling/target:Target", "compute-stable-scaling", {"maxCapacity": 50}),
    "gcp-dev": ("gcp:cloudrunv2/service:Service", "compute", {"ingress": "INGRESS_TRAFFIC_INTERNAL_ONLY"}),
}
REMOVED = {
    "azure-dev": ("azure-native:monitor:MetricAlert", "monitoring-restarts"),
    "aws-dev": ("aws:cloudwatch/metricAlarm:MetricAlarm", "monitoring-alarms-rejected"),
    "gcp-dev": ("gcp:monitoring/dashboard:Dashboard", "monitoring"),
}


@pytest.fixture(scope="module", params=CHANGED)
def stack(request: pytest.FixtureRequest, deployment: Deploy) -> Deployment:
    """A development stack that is up."""
    made = deployment(request.param)
    first = made.up()
    assert first.succeeded, first.output
    return made


def test_drift_is_shown_without_a_change_and_repaired_by_an_update_that_refreshes(stack: Deployment) -> None:
    changed_type, changed_name, properties = CHANGED[stack.stack]
    removed_type, removed_name = REMOVED[stack.stack]
    (changed,) = (record for record in stack.cloud.of(changed_type) if record.name == changed_name)
    (removed,) = (record for record in stack.cloud.of(removed_type) if record.name == removed_name)
    before = {key: changed.inputs.get(key) for key in properties}
    changed.change(**properties)
    stack.cloud.remove(removed)

    shown = stack.refresh("--preview-only")

    assert shown.succeeded, shown.output
    assert shown.touched == {
        Step("update", changed_type, changed_name),
        Step("delete", removed_type, removed_name),
    }
    assert stack.preview().touched == set(), "nothing was written into the state"

    repaired = stack.up("--refresh")

    assert repaired.succeeded, repaired.output
    assert {key: changed.inputs.get(key) for key in properties} == before
    assert [record.name for record in stack.cloud.of(removed_type)].count(removed_name) == 1
    stack.assert_agreement()
    assert stack.refresh("--preview-only").touched == set()
