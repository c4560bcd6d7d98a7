"""The local network: an edge that publishes ports, and a workload network that reaches nothing outside."""

from __future__ import annotations

import pulumi
import pulumi_docker as docker

from components import naming
from components.cidr import subnets
from components.spec import Environment, NetworkSpec


class Network(pulumi.ComponentResource):
    """Two bridges within ``spec.cidr``.

    Outputs ``edge`` and ``workload``: their names. The service runs in ``workload`` alone; the proxy and what people
    open stand in both.
    """

    edge: pulumi.Output[str]
    workload: pulumi.Output[str]

    def __init__(
        self, name: str, environment: Environment, spec: NetworkSpec, *, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("mlplatform:local:Network", name, None, opts)
        ranges = subnets(spec.cidr, {"edge": 24, "workload": 24})

        def bridge(part: str, internal: bool) -> pulumi.Output[str]:
            network = docker.Network(
                f"{name}-{part}",
                name=naming.name(environment, "network", part),
                driver="bridge",
                internal=internal,
                ipam_configs=[docker.NetworkIpamConfigArgs(subnet=ranges[part])],
                labels=[
                    docker.NetworkLabelArgs(label=label, value=value)
                    for label, value in naming.tags(environment).items()
                ],
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
            return network.name

        self.edge = bridge("edge", internal=False)
        self.workload = bridge("workload", internal=True)
        self.register_outputs({"edge": self.edge, "workload": self.workload})

    def workload_only(self, *aliases: str) -> list[docker.ContainerNetworksAdvancedArgs]:
        """The attachment of a container that nothing outside reaches, and that reaches nothing outside."""
        return [docker.ContainerNetworksAdvancedArgs(name=self.workload, aliases=list(aliases))]

    def both(self, *aliases: str) -> list[docker.ContainerNetworksAdvancedArgs]:
        """The attachment of a container that publishes ports."""
        return [docker.ContainerNetworksAdvancedArgs(name=self.edge), *self.workload_only(*aliases)]
