"""The metrics side-car: Google's OpenTelemetry collector for Cloud Run (run-gmp-sidecar) and its configuration.

A plain Prometheus agent cannot take its place. Google offers no remote-write address (prometheus/prometheus#14346,
which added ``google_iam``, says so), and on Cloud Run only the metadata server tells instances apart, which this
collector asks. Source of the format: GoogleCloudPlatform/run-gmp-sidecar, confgenerator/config.go.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from components import naming
from components.agent import SCRAPE_SECONDS
from components.spec import METRICS_PORT, Environment
from observability.series import Series

CONTAINER = "agent"
CONFIG_DIRECTORY = "/etc/rungmp"
"""The collector reads ``config.yaml`` in it, again whenever it changes (entrypoint.go)."""
CONFIG_FILE = "config.yaml"
JOB = "service"
"""The ``job`` label of every series, as with the other clouds' agent."""
WRITE_FAILURE = "Exporting failed"
"""What the collector logs when what it writes is not taken (open-telemetry/opentelemetry-collector, exporterhelper)."""


def series(environment: Environment) -> Series:
    """The stack's series among those of its project: the collector puts the service's name into ``namespace``."""
    service = naming.name(environment, "service", "serving")
    return Series(matchers=f'job="{JOB}",namespace="{service}"')


def run_monitoring(releases: Mapping[str, str]) -> str:
    """The collector's configuration; ``releases`` maps a revision's name to its release id.

    The collector labels each series with the instance and the revision. The rules turn the revision into the label
    ``release``, which the clouds' series carry; ``up``, being the collector's own, has the revision alone. JSON is a
    subset of YAML, so no text is pasted into a template.
    """
    rules = [
        {
            "action": "replace",
            "sourceLabels": ["revision_name"],
            "regex": revision,
            "targetLabel": "release",
            "replacement": release,
        }
        for revision, release in releases.items()
    ]
    endpoint = {
        "port": METRICS_PORT,
        "path": "/metrics",
        "interval": f"{SCRAPE_SECONDS}s",
        "timeout": f"{SCRAPE_SECONDS - 5}s",
        "metricRelabeling": rules,
    }
    return json.dumps(
        {
            "apiVersion": "monitoring.googleapis.com/v1beta",
            "kind": "RunMonitoring",
            "metadata": {"name": JOB},
            "spec": {
                "endpoints": [endpoint],
                "targetLabels": {"metadata": ["instance", "revision", "service"]},
            },
        },
        indent=2,
        sort_keys=True,
    )
