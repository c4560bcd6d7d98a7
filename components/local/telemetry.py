"""Where the local stack keeps its metrics. Logs stay with the engine, rotated."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from components import naming
from components.local.container import LOOPBACK
from components.local.settings import Settings
from components.spec import Environment


class Telemetry(pulumi.ComponentResource):
    """Outputs ``volume``: the name of Prometheus' volume; ``query_url``: where its HTTP API answers."""

    volume: pulumi.Output[str]
    query_url: pulumi.Output[str]

    def __init__(
        self, name: str, environment: Environment, *, settings: Settings, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mlplatform:local:Telemetry", name, None, opts)
        self.volume = docker.Volume(
            name,
            name=naming.name(environment, "volume", "prometheus"),
            labels=[
                docker.VolumeLabelArgs(label=label, value=value) for label, value in naming.tags(environment).items()
            ],
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        ).name
        self.query_url = pulumi.Output.from_input(f"http://{LOOPBACK}:{settings.prometheus_port}")
        self.register_outputs({"volume": self.volume, "query_url": self.query_url})
