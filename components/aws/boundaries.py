"""Who may reach the load balancer on which port, and what it may reach."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
from pulumi_aws import ec2, vpc

from components import naming
from components.aws.groups import group_name
from components.aws.network import Network
from components.spec import Environment


class Boundaries(pulumi.ComponentResource):
    """Two security groups: of the load balancer, and of the service, into which only the load balancer gets.

    ``admitted`` pairs a port of the load balancer with an address range; a port appears in no other way.
    ``reaches_issuer`` lets the load balancer out to fetch the keys of the tokens' issuer.

    Outputs: ``balancer_group``, ``service_group``.
    """

    balancer_group: pulumi.Output[str]
    service_group: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        network: Network,
        service_port: int,
        admitted: Iterable[tuple[int, str]],
        reaches_issuer: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Boundaries", name, None, opts)
        self._name, self._environment, self._network = name, environment, network
        self._child = pulumi.ResourceOptions(parent=self)
        self.balancer_group = self._group("load-balancer", "Load balancer: in from its callers, out to the service")
        self.service_group = self._group("service", "Service: in from the load balancer")
        for port, source in admitted:
            self._let_in(self.balancer_group, port, f"{port}-{source}", addresses=source)
        self._let_out(service_port, "service", group=self.service_group)
        self._let_in(self.service_group, service_port, "service", group=self.balancer_group)
        if reaches_issuer:
            # Documented for its OIDC action (docs.aws.amazon.com/elasticloadbalancing/latest/application/
            # listener-authenticate-users.html); the page on tokens names no network requirement.
            self._let_out(443, "issuer", addresses="0.0.0.0/0")
        self.register_outputs({"balancer_group": self.balancer_group, "service_group": self.service_group})

    def _group(self, part: str, description: str) -> pulumi.Output[str]:
        """A group without rules."""
        return ec2.SecurityGroup(
            f"{self._name}-{part}",
            ec2.SecurityGroupArgs(
                vpc_id=self._network.vpc,
                name=group_name(self._environment, part, self._network.cidr),
                description=description,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        ).id

    def _let_in(
        self,
        to: pulumi.Output[str],
        port: int,
        part: str,
        *,
        addresses: str | None = None,
        group: pulumi.Output[str] | None = None,
    ) -> None:
        """Admit a range or a group to a port of the members of ``to``."""
        vpc.SecurityGroupIngressRule(
            f"{self._name}-{part}",
            vpc.SecurityGroupIngressRuleArgs(
                security_group_id=to,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=addresses,
                referenced_security_group_id=group,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )

    def _let_out(
        self, port: int, part: str, *, addresses: str | None = None, group: pulumi.Output[str] | None = None
    ) -> None:
        """Let the load balancer reach a range or a group on a port."""
        vpc.SecurityGroupEgressRule(
            f"{self._name}-{part}",
            vpc.SecurityGroupEgressRuleArgs(
                security_group_id=self.balancer_group,
                ip_protocol="tcp",
                from_port=port,
                to_port=port,
                cidr_ipv4=addresses,
                referenced_security_group_id=group,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )
