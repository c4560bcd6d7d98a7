"""Diagnostic settings: which of a resource's own logs go to the stack's log workspace."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_azure_native.monitor as monitor

# Categories of a Container Apps environment (learn.microsoft.com/azure/container-apps/log-options).
CONTAINER_LOGS = ("ContainerAppConsoleLogs", "ContainerAppSystemLogs")
# The log of a PostgreSQL; its other categories are samples of sessions and queries
# (learn.microsoft.com/azure/postgresql/monitor/how-to-configure-and-access-logs).
DATABASE_LOGS = ("PostgreSQLLogs",)


def send_logs(
    part: str,
    on: pulumi.Input[str],
    workspace: pulumi.Input[str],
    *,
    categories: Sequence[str] = (),
    parent: pulumi.Resource,
) -> None:
    """Send ``categories`` of the resource ``on`` to ``workspace`` (both resource ids); without any, all it has."""
    logs = [monitor.DiagnosticsLogSettingsArgs(category=category, enabled=True) for category in categories]
    monitor.DiagnosticSetting(
        f"{part}-logs",
        name="to-log-workspace",
        resource_uri=on,
        workspace_id=workspace,
        logs=logs or [monitor.DiagnosticsLogSettingsArgs(category_group="allLogs", enabled=True)],
        opts=pulumi.ResourceOptions(parent=parent),
    )
