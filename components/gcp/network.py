"""A private network from which Cloud Run reaches Google's APIs and nothing else."""

from __future__ import annotations

import re

import pulumi
import pulumi_gcp.compute as compute
import pulumi_gcp.dns as dns

from components import cidr, naming
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment, NetworkSpec

# private.googleapis.com, the addresses of Google's APIs without the internet
# (cloud.google.com/vpc/docs/configure-private-google-access).
GOOGLE_APIS = "199.36.153.8/30"
_GOOGLE_ADDRESSES = ["199.36.153.8", "199.36.153.9", "199.36.153.10", "199.36.153.11"]
# googleapis.com for what the workload calls, run.app so that callers in this network reach the private service.
_DOMAINS = ("googleapis.com", "run.app")
# Cloud Run asks for at least a /26 and holds several addresses per instance while revisions change
# (cloud.google.com/run/docs/configuring/vpc-direct-vpc); the job has a range of its own.
_SUBNETS = {"serving": 24, "training": 26}


class Network(pulumi.ComponentResource):
    """A VPC without automatic subnets or a route to the internet: one subnet to serve from, one to train in.

    Traffic leaves by Direct VPC egress and a firewall denies all of it but Google's APIs; nothing may come in, since
    Cloud Run's ingress does not pass through the network. In production the subnets log their flows (Cloud Run offers
    no logging of firewall rules).

    Outputs: ``network`` (its id), ``serving`` and ``training`` (the subnets' ids).
    """

    network: pulumi.Output[str]
    serving: pulumi.Output[str]
    training: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: NetworkSpec,
        *,
        settings: Settings,
        services: Services,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Network", name, None, opts)
        self._name, self._environment, self._settings = name, environment, settings
        self._child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        vpc = compute.Network(
            name,
            compute.NetworkArgs(
                project=settings.project,
                name=naming.name(environment, "network", "main"),
                auto_create_subnetworks=False,
                delete_default_routes_on_create=True,
                routing_mode="REGIONAL",
            ),
            opts=self._child,
        )
        self.network = vpc.id
        ranges = cidr.subnets(spec.cidr, _SUBNETS)
        self.serving = self._subnet("serving", ranges["serving"]).id
        self.training = self._subnet("training", ranges["training"]).id
        self._reach_google()
        self._deny_egress()
        self.register_outputs({"network": self.network, "serving": self.serving, "training": self.training})

    def _subnet(self, part: str, cidr_range: str) -> compute.Subnetwork:
        """A subnet whose addresses reach Google's APIs without an external address.

        The range stands in its name: another range replaces it, and the old one is in use until the new one serves.
        """
        flow_logs = compute.SubnetworkLogConfigArgs(
            aggregation_interval="INTERVAL_1_MIN", flow_sampling=0.5, metadata="INCLUDE_ALL_METADATA"
        )
        return compute.Subnetwork(
            f"{self._name}-{part}",
            compute.SubnetworkArgs(
                project=self._settings.project,
                region=self._settings.region,
                name=naming.name(self._environment, "subnet", f"{part}-{re.sub('[./]', '-', cidr_range)}"),
                network=self.network,
                ip_cidr_range=cidr_range,
                private_ip_google_access=True,
                log_config=flow_logs if self._environment.production else None,
            ),
            opts=self._child,
        )

    def _reach_google(self) -> None:
        """The only route, and the names that lead to it."""
        compute.Route(
            f"{self._name}-google-apis",
            compute.RouteArgs(
                project=self._settings.project,
                name=naming.name(self._environment, "network", "google-apis"),
                network=self.network,
                dest_range=GOOGLE_APIS,
                next_hop_gateway="default-internet-gateway",
            ),
            opts=self._child,
        )
        for domain in _DOMAINS:
            part = domain.replace(".", "-")
            zone = dns.ManagedZone(
                f"{self._name}-{part}",
                dns.ManagedZoneArgs(
                    project=self._settings.project,
                    name=naming.name(self._environment, "resource", part),
                    description=f"{domain} by Private Google Access",
                    dns_name=f"{domain}.",
                    visibility="private",
                    private_visibility_config=dns.ManagedZonePrivateVisibilityConfigArgs(
                        networks=[dns.ManagedZonePrivateVisibilityConfigNetworkArgs(network_url=self.network)]
                    ),
                    labels=naming.tags(self._environment),
                ),
                opts=self._child,
            )
            for record in (f"{domain}.", f"*.{domain}."):
                dns.RecordSet(
                    f"{self._name}-{part}-{'any' if record.startswith('*') else 'self'}",
                    dns.RecordSetArgs(
                        project=self._settings.project,
                        managed_zone=zone.name,
                        name=record,
                        type="A",
                        ttl=300,
                        rrdatas=_GOOGLE_ADDRESSES,
                    ),
                    opts=self._child,
                )

    def _deny_egress(self) -> None:
        """Everything is denied but TLS to Google's APIs; what comes in is denied by every network's implied rule."""
        compute.Firewall(
            f"{self._name}-allow-google-apis",
            compute.FirewallArgs(
                project=self._settings.project,
                name=naming.name(self._environment, "firewall", "allow-google-apis"),
                network=self.network,
                description="TLS to private.googleapis.com",
                direction="EGRESS",
                priority=1000,
                destination_ranges=[GOOGLE_APIS],
                allows=[compute.FirewallAllowArgs(protocol="tcp", ports=["443"])],
            ),
            opts=self._child,
        )
        compute.Firewall(
            f"{self._name}-deny-egress",
            compute.FirewallArgs(
                project=self._settings.project,
                name=naming.name(self._environment, "firewall", "deny-egress"),
                network=self.network,
                description="Nothing else leaves",
                direction="EGRESS",
                priority=65534,
                destination_ranges=["0.0.0.0/0"],
                denies=[compute.FirewallDenyArgs(protocol="all")],
            ),
            opts=self._child,
        )
