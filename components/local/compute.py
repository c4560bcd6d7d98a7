"""The service on the local engine: containers of the stable and the candidate release behind a weighted proxy."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pulumi
import pulumi_docker as docker

from components import naming
from components.local import proxy
from components.local.container import LOOPBACK, NOBODY, hardened, image_id
from components.local.network import Network
from components.local.settings import Settings
from components.local.weight import CandidateWeight
from components.release import Release, Traffic, service_environment
from components.spec import READY_PATH, STARTUP_SECONDS, USER_ID, Environment, ServiceSpec, UnsupportedError


class Compute(pulumi.ComponentResource):
    """``spec.min_replicas`` containers for each release and one proxy before them, all on this machine.

    Outputs: ``url``, weighted between the releases; ``stable_url`` and ``candidate_url``, each one release's own;
    ``deployed``, their containers' ids; ``identity``, the user inside; ``containers``, their names.
    """

    url: pulumi.Output[str]
    stable_url: pulumi.Output[str]
    candidate_url: pulumi.Output[str] | None
    deployed: Mapping[str, pulumi.Output[str]]
    identity: pulumi.Output[str]
    containers: pulumi.Output[list[str]]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        network: Network,
        traffic: Traffic,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        _refuse_unsupported(environment, spec)
        super().__init__("mlplatform:local:Compute", name, None, opts)
        self._name, self._environment, self._spec, self._network = name, environment, spec, network
        mirrored = settings.shadow and traffic.candidate is not None
        shadow = {"SHADOW_URL": f"http://candidate:{spec.port}"} if mirrored else {}
        slots = {"stable": self._replicas("stable", traffic.stable, shadow)}
        if traffic.candidate:
            slots["candidate"] = self._replicas("candidate", traffic.candidate)
        replicas = [replica for slot in slots.values() for replica in slot]
        front = self._proxy(settings)
        CandidateWeight(
            f"{name}-weight",
            url=_address(settings.weight_port),
            weight=traffic.candidate_weight,
            proxy=front.id,
            opts=pulumi.ResourceOptions(parent=self, depends_on=replicas),
        )
        self.url = pulumi.Output.from_input(_address(settings.port))
        self.stable_url = pulumi.Output.from_input(_address(settings.stable_port))
        self.candidate_url = pulumi.Output.from_input(_address(settings.candidate_port)) if traffic.candidate else None
        self.deployed = {
            slot: pulumi.Output.all(*[it.id for it in found]).apply(",".join) for slot, found in slots.items()
        }
        self.identity = pulumi.Output.from_input(str(USER_ID))
        self.containers = pulumi.Output.all(*[replica.name for replica in replicas])
        self.register_outputs({"url": self.url, "stable_url": self.stable_url, "candidate_url": self.candidate_url})

    def _replicas(
        self, slot: str, release: Release, further: Mapping[str, str] = MappingProxyType({})
    ) -> list[docker.Container]:
        """The containers of one release. A replacement is healthy before the old one is told to stop."""
        image = image_id(f"{self._name}-{slot}", release.image, self)
        return [
            hardened(
                f"{self._name}-{slot}-{index}",
                self._environment,
                image=image,
                user=f"{USER_ID}:{USER_ID}",
                networks=self._network.workload_only(slot),
                env={**service_environment(self._spec, release), **further},
                cpus=self._spec.cpu,
                memory_mb=self._spec.memory_mb,
                healthcheck=_readiness(self._spec.port),
                opts=pulumi.ResourceOptions(parent=self),
            )
            for index in range(self._spec.min_replicas)
        ]

    def _proxy(self, settings: Settings) -> docker.Container:
        """The proxy, the only container that callers reach."""
        name = f"{self._name}-proxy"
        return hardened(
            name,
            self._environment,
            physical_name=naming.name(self._environment, "container", "proxy"),
            image=image_id(name, settings.proxy_image, self),
            user=NOBODY,
            entrypoints=["haproxy"],
            command=["-W", "-db", "-f", "/config/haproxy.cfg"],
            files={"haproxy.cfg": proxy.configuration(self._spec.port, self._spec.min_replicas)},
            ports={
                settings.port: proxy.PUBLIC,
                settings.stable_port: proxy.STABLE,
                settings.candidate_port: proxy.CANDIDATE,
                settings.weight_port: proxy.WEIGHT,
            },
            networks=self._network.both("proxy"),
            memory_mb=256,
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )


def _address(port: int) -> str:
    """The address of a published port."""
    return f"http://{LOOPBACK}:{port}"


def _readiness(port: int) -> docker.ContainerHealthcheckArgs:
    """Asks the service's own Python whether it is ready; the image holds no other HTTP client."""
    question = (
        "import http.client, sys; "
        f"connection = http.client.HTTPConnection('127.0.0.1', {port}, timeout=2); "
        f"connection.request('GET', '{READY_PATH}'); "
        "sys.exit(connection.getresponse().status != 200)"
    )
    return docker.ContainerHealthcheckArgs(
        tests=["CMD", "python", "-c", question],
        interval="5s",
        timeout="3s",
        retries=3,
        start_period=f"{STARTUP_SECONDS // 60}m{STARTUP_SECONDS % 60}s",  # as it is read back; 60s would differ
    )


def _refuse_unsupported(environment: Environment, spec: ServiceSpec) -> None:
    """Name what one machine cannot do."""
    if environment.production:
        raise UnsupportedError("local", "production", "set environment to dev, or cloud to azure, aws or gcp")
    if spec.min_replicas == 0:
        raise UnsupportedError("local", "scale to zero", "set service.minReplicas to 1 or more")
    if spec.max_replicas != spec.min_replicas:
        raise UnsupportedError("local", "autoscaling", "set service.maxReplicas to the value of minReplicas")
    if spec.target_concurrency != ServiceSpec.target_concurrency:
        raise UnsupportedError("local", "autoscaling", "remove service.targetConcurrency")
    if spec.ingress == "public" or spec.authentication:
        raise UnsupportedError("local", "public ingress or authentication", "set service.ingress to private")
    if spec.secrets:
        raise UnsupportedError("local", "secrets by reference: it has no store", "remove service.secrets")
