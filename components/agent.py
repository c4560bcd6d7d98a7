"""The Prometheus agent beside each replica: serverless replicas cannot be scraped from outside.

It scrapes the service on localhost and remote-writes with the identity of the cloud.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from components.spec import METRICS_PORT

SCRAPE_SECONDS = 15
"""How often the service is scraped."""


def agent_configuration(url: str, authorization: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    """The agent's configuration file.

    ``url`` is the remote-write address and ``authorization`` the stanza that signs for it (``sigv4``, ``azuread`` or
    ``google_iam``, empty for none). ``labels`` tell the replicas' series apart and must hold at least ``release``.
    JSON is a subset of YAML, so no text is ever pasted into a template.
    """
    return json.dumps(
        {
            "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "external_labels": dict(labels)},
            "scrape_configs": [
                {"job_name": "service", "static_configs": [{"targets": [f"localhost:{METRICS_PORT}"]}]},
            ],
            "remote_write": [{"url": url, **authorization}],
        },
        indent=2,
        sort_keys=True,
    )
