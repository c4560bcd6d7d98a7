"""What watches the local service: Prometheus, Alertmanager and, where an image is named, Grafana."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_docker as docker

from components import naming
from components.local import prometheus
from components.local.compute import Compute
from components.local.container import LOOPBACK, NOBODY, hardened, image_id
from components.local.network import Network
from components.local.settings import Settings
from components.local.telemetry import Telemetry
from components.spec import Environment, MonitoringSpec, UnsupportedError
from observability.rule_file import rule_file


class Monitoring(pulumi.ComponentResource):
    """Outputs ``dashboard_url``: Grafana, or Prometheus' own page without it; ``logs_url``: the command that shows
    the service's logs, since the engine has no page for them; ``alerts_url``: the Alertmanager; ``alarms``: none, since
    the engine has none of its own.
    """

    dashboard_url: pulumi.Output[str]
    logs_url: pulumi.Output[str]
    alerts_url: pulumi.Output[str]
    alarms: Mapping[str, pulumi.Output[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        settings: Settings,
        network: Network,
        telemetry: Telemetry,
        compute: Compute,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:local:Monitoring", name, None, opts)
        if spec.log_retention_days != MonitoringSpec.log_retention_days:
            instead = "remove monitoring.logRetentionDays; the engine rotates logs by size"
            raise UnsupportedError("local", "a retention of logs by days", instead)
        self._name, self._environment, self._network = name, environment, network
        alertmanager = self._container(
            "alertmanager",
            settings.alertmanager_image,
            command=[
                "--config.file=/config/alertmanager.yml",
                "--storage.path=/alertmanager",
                "--cluster.listen-address=",
            ],
            files=prometheus.alertmanager(spec, settings),
            ports={settings.alertmanager_port: 9093},
            writable=["/alertmanager"],
        )
        self._container(
            "prometheus",
            settings.prometheus_image,
            command=["--config.file=/config/prometheus.yml", "--storage.tsdb.path=/prometheus"],
            files={"prometheus.yml": prometheus.prometheus(), "rules.yml": spec.filled(rule_file(spec.rules))},
            ports={settings.prometheus_port: 9090},
            volumes=[docker.ContainerVolumeArgs(volume_name=telemetry.volume, container_path="/prometheus")],
            depends_on=[alertmanager],
        )
        self.dashboard_url = telemetry.query_url
        if settings.grafana_image:
            from observability import grafana  # few stacks have one, and its SDK takes long to load

            self._container(
                "grafana",
                settings.grafana_image,
                files=grafana.files(spec.watch),
                env=grafana.ENVIRONMENT,
                ports={settings.grafana_port: 3000},
                writable=["/var/lib/grafana", "/tmp"],  # noqa: S108  inside the container
            )
            self.dashboard_url = pulumi.Output.from_input(f"http://{LOOPBACK}:{settings.grafana_port}")
        self.logs_url = compute.containers.apply(lambda names: f"docker logs --follow {names[0]}")
        self.alerts_url = pulumi.Output.from_input(f"http://{LOOPBACK}:{settings.alertmanager_port}")
        self.alarms = {}
        self.register_outputs({"dashboard_url": self.dashboard_url, "logs_url": self.logs_url})

    def _container(
        self,
        part: str,
        image: str,
        *,
        ports: Mapping[int, int],
        files: Mapping[str, pulumi.Input[str]],
        command: Sequence[str] | None = None,
        env: Mapping[str, pulumi.Input[str]] | None = None,
        volumes: Sequence[docker.ContainerVolumeArgs] = (),
        writable: Sequence[str] = (),
        depends_on: Sequence[pulumi.Resource] = (),
    ) -> docker.Container:
        """One of the programs, reachable by its name from the others and by its port from this machine."""
        return hardened(
            f"{self._name}-{part}",
            self._environment,
            physical_name=naming.name(self._environment, "container", part),
            image=image_id(f"{self._name}-{part}", image, self),
            user=NOBODY,
            entrypoints=[part] if command else None,
            command=command,
            env=env,
            files=files,
            ports=ports,
            volumes=volumes,
            writable=writable,
            networks=self._network.both(part),
            memory_mb=512,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True, depends_on=list(depends_on)),
        )
