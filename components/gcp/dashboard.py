"""The service's page in Cloud Monitoring, as the JSON that its API takes."""

from __future__ import annotations

import json

from observability.series import Series

_WIDTH, _HEIGHT, _COLUMNS = 24, 16, 48


def dashboard(title: str, service: str, series: Series) -> str:
    """A mosaic of charts: what Cloud Run measures of ``service``, and the ``series`` that the side-car scrapes from it.

    Source: cloud.google.com/monitoring/api/ref_v3/rest/v1/projects.dashboards; metrics of Cloud Run appear in PromQL
    as ``run_googleapis_com:<metric>`` (cloud.google.com/monitoring/promql/promql-mapping).
    """
    run = f'monitored_resource="cloud_run_revision",service_name="{service}"'
    charts = {
        "Requests per second by status class": (
            f"sum by (response_code_class) (rate(run_googleapis_com:request_count{{{run}}}[5m]))"
        ),
        "Latency, 95th percentile, by revision (ms)": (
            "histogram_quantile(0.95, sum by (le, revision_name) "
            f"(rate(run_googleapis_com:request_latencies_bucket{{{run}}}[5m])))"
        ),
        "Instances by state": f"sum by (state) (run_googleapis_com:container_instance_count{{{run}}})",
        "CPU utilization, 95th percentile": (
            "histogram_quantile(0.95, sum by (le) "
            f"(rate(run_googleapis_com:container_cpu_utilizations_bucket{{{run}}}[5m])))"
        ),
        "Memory utilization, 95th percentile": (
            "histogram_quantile(0.95, sum by (le) "
            f"(rate(run_googleapis_com:container_memory_utilizations_bucket{{{run}}}[5m])))"
        ),
        # Metric relabeling, which names the release, passes by the collector's own series.
        "Replicas scraped, by revision": f"sum by (revision_name) ({series.of('up')})",
    }
    tiles = [
        {
            "xPos": index * _WIDTH % _COLUMNS,
            "yPos": index // (_COLUMNS // _WIDTH) * _HEIGHT,
            "width": _WIDTH,
            "height": _HEIGHT,
            "widget": {
                "title": chart,
                "xyChart": {
                    "dataSets": [{"plotType": "LINE", "timeSeriesQuery": {"prometheusQuery": query}}],
                },
            },
        }
        for index, (chart, query) in enumerate(charts.items())
    ]
    return json.dumps({"displayName": title, "mosaicLayout": {"columns": _COLUMNS, "tiles": tiles}}, sort_keys=True)
