"""The Prometheus agent beside each replica: serverless replicas cannot be scraped from outside.

It scrapes the service on localhost and remote-writes with the identity of the cloud. One that cannot write has no way
to say so in a metric; its log does, which each cloud has an alarm on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.spec import METRICS_PORT

SCRAPE_SECONDS = 15
"""How often the service is scraped."""
WRITE_FAILURES = ("Failed to send batch, retrying", "non-recoverable error")
"""What an agent logs when nobody takes what it writes, or refuses it (prometheus/prometheus v3.5.0,
storage/remote/queue_manager.go)."""


def agent_configuration(url: str, authorization: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The agent's configuration file.

    ``url`` is the remote-write address and ``authorization`` the stanza that signs for it (``sigv4`` or ``azuread``;
    Google has no such address, see ``components/gcp/agent.py``). ``labels`` tell the replicas' series apart and must
    hold at least ``release`` and ``replica``, which stands in for the target, localhost everywhere, as ``instance``.
    JSON is a subset of YAML, so no text is ever pasted into a template.
    """
    # Comes after the external labels (prometheus.io/docs/prometheus/latest/configuration/configuration/#remote_write).
    names_the_replica = {"source_labels": ["replica"], "target_label": "instance"}
    return json.dumps(
        {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "external_labels": dict(labels)},
            "scrape_configs": [
                {"job_name": "service", "static_configs": [{"targets": [f"localhost:{METRICS_PORT}"]}]},
            ],
            "remote_write": [{"url": url, "write_relabel_configs": [names_the_replica], **authorization}],
        },
        indent=2,
        sort_keys=True,
    )
