"""The dashboard as plain data: traffic, errors, latency, replicas, and the alarms' states."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def body(
    *,
    region: str,
    balancer: str,
    target_groups: Mapping[str, str],
    cluster: str,
    services: Mapping[str, str],
    alarm_arns: Sequence[str],
) -> str:
    """The JSON of a CloudWatch dashboard: two widgets a row, one line per release where a metric has releases."""

    def per_release(metric: str, statistic: str) -> list[list[Any]]:
        return [
            [
                "AWS/ApplicationELB",
                metric,
                "LoadBalancer",
                balancer,
                "TargetGroup",
                group,
                {"label": release, "stat": statistic},
            ]
            for release, group in target_groups.items()
        ]

    def per_service(metric: str) -> list[list[Any]]:
        return [
            ["AWS/ECS", metric, "ClusterName", cluster, "ServiceName", service, {"label": release, "stat": "Average"}]
            for release, service in services.items()
        ]

    own_errors = ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "LoadBalancer", balancer]
    graphs: dict[str, list[list[Any]]] = {
        "Requests a minute": per_release("RequestCount", "Sum"),
        "Latency, 99 % below (s)": per_release("TargetResponseTime", "p99"),
        "Errors a minute": [
            *per_release("HTTPCode_Target_5XX_Count", "Sum"),
            [*own_errors, {"label": "load balancer", "stat": "Sum"}],
        ],
        "Ready replicas": per_release("HealthyHostCount", "Minimum"),
        "CPU (%)": per_service("CPUUtilization"),
        "Memory (%)": per_service("MemoryUtilization"),
    }
    widgets: list[dict[str, Any]] = [
        {
            "type": "metric",
            "x": 12 * (index % 2),
            "y": 6 * (index // 2),
            "width": 12,
            "height": 6,
            "properties": {"title": title, "region": region, "period": 60, "view": "timeSeries", "metrics": metrics},
        }
        for index, (title, metrics) in enumerate(graphs.items())
    ]
    widgets.append(
        {
            "type": "alarm",
            "x": 0,
            "y": 18,
            "width": 24,
            "height": 3,
            "properties": {"title": "Alarms", "alarms": list(alarm_arns)},
        }
    )
    return json.dumps({"widgets": widgets})
