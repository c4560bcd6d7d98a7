"""A portal dashboard of the service's platform metrics."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native.portal as portal

from components import naming
from components.azure.shared import ResourceGroup
from components.spec import Environment

NAMESPACE = "microsoft.app/containerapps"
# (title, metric, aggregation, split by): learn.microsoft.com/azure/azure-monitor/reference/supported-metrics/
# microsoft-app-containerapps-metrics; aggregations of a chart: 1 total, 3 maximum, 4 average
_CHARTS = (
    ("Requests", "Requests", 1, "statusCodeCategory"),
    ("Requests of each revision", "Requests", 1, "revisionName"),
    ("Replicas", "Replicas", 3, "revisionName"),
    ("Restarts", "RestartCount", 3, "revisionName"),
    ("CPU in nanocores", "UsageNanoCores", 4, "revisionName"),
    ("Memory in bytes", "WorkingSetBytes", 4, "revisionName"),
)
_WIDTH, _HEIGHT, _COLUMNS = 6, 4, 2


def dashboard(
    part: str, environment: Environment, *, app_id: pulumi.Output[str], group: ResourceGroup, parent: pulumi.Resource
) -> portal.Dashboard:
    """Charts of the Container App ``app_id``, two in a row."""
    return portal.Dashboard(
        part,
        dashboard_name=naming.name(environment, "resource", part),
        resource_group_name=group.group_name,
        location=group.location,
        properties=portal.DashboardPropertiesWithProvisioningStateArgs(
            lenses=[
                portal.DashboardLensArgs(
                    order=0,
                    parts=[_part(index, app_id) for index in range(len(_CHARTS))],
                )
            ]
        ),
        tags={**naming.tags(environment), "hidden-title": f"{environment.stack} predictions"},
        opts=pulumi.ResourceOptions(parent=parent),
    )


def _part(index: int, app_id: pulumi.Output[str]) -> portal.DashboardPartsArgs:
    """One chart at its place."""
    return portal.DashboardPartsArgs(
        position=portal.DashboardPartsPositionArgs(
            x=index % _COLUMNS * _WIDTH, y=index // _COLUMNS * _HEIGHT, col_span=_WIDTH, row_span=_HEIGHT
        ),
        metadata=portal.DashboardPartMetadataArgs(
            type="Extension/HubsExtension/PartType/MonitorChartPart",
            inputs=[{"name": "options", "isOptional": True}, {"name": "sharedTimeRange", "isOptional": True}],
            settings={"content": {"options": {"chart": _chart(index, app_id)}}},
        ),
    )


def _chart(index: int, app_id: pulumi.Output[str]) -> dict[str, Any]:
    """What a chart shows."""
    title, metric, aggregation, split = _CHARTS[index]
    return {
        "title": title,
        "titleKind": 2,
        "metrics": [
            {
                "resourceMetadata": {"id": app_id},
                "name": metric,
                "namespace": NAMESPACE,
                "aggregationType": aggregation,
                "metricVisualization": {"displayName": title},
            }
        ],
        "grouping": {"dimension": split},
        "visualization": {"chartType": 2},
    }
