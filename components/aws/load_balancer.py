"""The load balancer up to its target groups: who reaches which release, short of sharing the public traffic."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
from pulumi_aws import lb, route53

from components import naming
from components.aws.boundaries import Boundaries
from components.aws.certificate import Certificate
from components.aws.network import ANYWHERE, HTTPS, Network
from components.aws.settings import Settings
from components.spec import GRACE_SECONDS, READY_PATH, Environment, ServiceSpec

HTTP = 80
VERIFICATION_PORTS = {"stable": 8443, "candidate": 8444}
"""Where one release alone answers; never open to the internet."""
# TLS 1.3, and 1.2 with forward secrecy and authenticated encryption only (docs.aws.amazon.com/elasticloadbalancing/
# latest/application/describe-ssl-policies.html).
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"


@dataclass(frozen=True)
class Endpoint:
    """How a listener speaks: HTTPS with a certificate, or in dev plain HTTP, and under which host."""

    certificate_arn: pulumi.Input[str] | None
    host: pulumi.Input[str]

    @property
    def protocol(self) -> str:
        """The protocol of a listener."""
        return "HTTPS" if self.certificate_arn is not None else "HTTP"

    @property
    def port(self) -> int:
        """The port of the service's address."""
        return HTTPS if self.certificate_arn is not None else HTTP

    @property
    def ssl_policy(self) -> str | None:
        """The TLS versions and ciphers, where there are any."""
        return TLS_POLICY if self.certificate_arn is not None else None

    def url(self, port: int | None = None) -> pulumi.Output[str]:
        """The address, with the port where it is not the protocol's own."""
        return pulumi.Output.concat(self.protocol.lower(), "://", self.host, f":{port}" if port else "")


class LoadBalancer(pulumi.ComponentResource):
    """An application load balancer, a target group per release, and for each a listener of its own.

    It stands in the public subnets and faces the internet, or in the workload's and does not. The verification
    listeners admit the network and ``aws.verificationCidrs``; because they need no finished service, they are what a
    service waits for: ECS refuses a target group that no listener uses.

    Outputs: ``arn``, ``arn_suffix``, ``endpoint``, ``target_groups`` by release, ``service_group``, which lets the
    load balancer in to the containers.
    """

    endpoint: Endpoint
    target_groups: dict[str, lb.TargetGroup]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        settings: Settings,
        network: Network,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:LoadBalancer", name, None, opts)
        self._name, self._environment, self._spec = name, environment, spec
        self._settings, self._network = settings, network
        self._child = pulumi.ResourceOptions(parent=self)
        self._tags = naming.tags(environment)
        # Part of the names of what cannot move to another network or port and is replaced by another of another name.
        self._place = naming.revision(f"{network.cidr} {spec.port}")
        public = spec.ingress == "public"
        boundaries = Boundaries(
            f"{name}-boundaries",
            environment,
            network=network,
            service_port=spec.port,
            admitted=self._admitted(ANYWHERE if public else network.cidr),
            reaches_issuer=spec.authentication is not None,
            opts=self._child,
        )
        self.service_group = boundaries.service_group
        balancer = lb.LoadBalancer(
            name,
            lb.LoadBalancerArgs(
                name=naming.name(environment, "load-balancer", f"{spec.ingress}-{self._place}"),
                load_balancer_type="application",
                internal=not public,
                subnets=network.public_subnets if public else network.workload_subnets,
                security_groups=[boundaries.balancer_group],
                drop_invalid_header_fields=True,
                enable_deletion_protection=environment.guarded,
                tags=self._tags,
            ),
            opts=self._child,
        )
        self.arn, self.arn_suffix = balancer.arn, balancer.arn_suffix
        self.endpoint = self._endpoint(balancer)
        self.target_groups = {release: self._target_group(release) for release in VERIFICATION_PORTS}
        for release, port in VERIFICATION_PORTS.items():
            self._verification_listener(release, port)
        self.register_outputs({"arn": self.arn})

    def _admitted(self, everyone: str) -> list[tuple[int, str]]:
        """Callers to the service's ports; the network and the verifiers to the verification ports."""
        callers = self._settings.client_cidrs if self._settings.client_cidrs is not None else (everyone,)
        ports = [HTTPS, HTTP] if self._settings.domain is not None else [HTTP]
        verifiers = (self._network.cidr, *self._settings.verification_cidrs)
        return [
            *((port, source) for port in ports for source in callers),
            *((port, source) for port in VERIFICATION_PORTS.values() for source in verifiers),
        ]

    def _endpoint(self, balancer: lb.LoadBalancer) -> Endpoint:
        """The domain with its certificate, or the load balancer's own name without one."""
        domain, zone = self._settings.domain, self._settings.hosted_zone_id
        if domain is None:
            return Endpoint(None, balancer.dns_name)
        if zone is None:
            return Endpoint(self._settings.certificate_arn, domain)
        certificate = Certificate(
            f"{self._name}-certificate", self._environment, domain=domain, hosted_zone_id=zone, opts=self._child
        )
        route53.Record(
            self._name,
            route53.RecordArgs(
                zone_id=zone,
                name=domain,
                type="A",
                aliases=[
                    route53.RecordAliasArgs(
                        name=balancer.dns_name, zone_id=balancer.zone_id, evaluate_target_health=False
                    )
                ],
            ),
            opts=self._child,
        )
        return Endpoint(certificate.arn, domain)

    def _target_group(self, release: str) -> lb.TargetGroup:
        """The tasks of a release: ready when /health says so, and given time to finish when they leave."""
        return lb.TargetGroup(
            f"{self._name}-{release}",
            lb.TargetGroupArgs(
                name=naming.name(self._environment, "target-group", f"{release}-{self._place}"),
                vpc_id=self._network.vpc,
                port=self._spec.port,
                protocol="HTTP",
                target_type="ip",
                load_balancing_algorithm_type="least_outstanding_requests",
                deregistration_delay=GRACE_SECONDS,
                health_check=lb.TargetGroupHealthCheckArgs(
                    path=READY_PATH,
                    protocol="HTTP",
                    port="traffic-port",
                    matcher="200",
                    interval=10,
                    timeout=5,
                    healthy_threshold=2,
                    unhealthy_threshold=3,
                ),
                tags=self._tags,
            ),
            opts=self._child,
        )

    def _verification_listener(self, release: str, port: int) -> None:
        """An address that only this release answers."""
        lb.Listener(
            f"{self._name}-{release}",
            lb.ListenerArgs(
                load_balancer_arn=self.arn,
                port=port,
                protocol=self.endpoint.protocol,
                certificate_arn=self.endpoint.certificate_arn,
                ssl_policy=self.endpoint.ssl_policy,
                default_actions=[
                    lb.ListenerDefaultActionArgs(type="forward", target_group_arn=self.target_groups[release].arn)
                ],
                tags=self._tags,
            ),
            opts=self._child,
        )

    def verification_url(self, release: str) -> pulumi.Output[str]:
        """The address that only ``release`` answers."""
        return self.endpoint.url(VERIFICATION_PORTS[release])
