"""The revisions of the service: their names, their shares of the traffic and their addresses."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
from pulumi_gcp.cloudrunv2 import ServiceTemplateArgsDict, ServiceTrafficArgsDict

from components import naming
from components.gcp.template import Template
from components.release import Traffic

# Tags, part of a revision's host name: a longer one asks for a shorter service (see the limit in components.naming).
STABLE, CANDIDATE = "stable", "candidate"


def names(
    service: str, traffic: Traffic, template: Template, served: pulumi.Input[Mapping[str, str]]
) -> tuple[pulumi.Output[str], pulumi.Output[str] | None]:
    """The names of the stable and the candidate revision.

    A name is made of the whole template, since Cloud Run refuses another template under a name that it knows. Beside
    a candidate the stable revision is the one that ``served`` (release id → revision) knows, whatever has changed in
    the template since.
    """
    stable = _name(service, template.of(traffic.stable))
    if traffic.candidate is None:
        return stable, None
    found = pulumi.Output.all(served, traffic.stable.id, stable)
    return found.apply(lambda known: known[0].get(known[1], known[2])), _name(service, template.of(traffic.candidate))


def _name(service: str, template: ServiceTemplateArgsDict) -> pulumi.Output[str]:
    """The name that a template gives a revision: at most 37 + 10 of the 63 characters allowed."""
    text = pulumi.Output.json_dumps(template, sort_keys=True)
    return text.apply(lambda identity: f"{service}-{naming.revision(identity)}")


def targets(
    traffic: Traffic, stable: pulumi.Output[str], candidate: pulumi.Output[str] | None
) -> list[ServiceTrafficArgsDict]:
    """The share of each revision, and the tag that gives it an address of its own."""
    by_name = "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION"
    to_stable, to_candidate = traffic.weights
    found: list[ServiceTrafficArgsDict] = [{"type": by_name, "revision": stable, "percent": to_stable, "tag": STABLE}]
    if candidate is not None:
        found.append({"type": by_name, "revision": candidate, "percent": to_candidate, "tag": CANDIDATE})
    return found


def by_release(
    traffic: Traffic, stable: pulumi.Output[str], candidate: pulumi.Output[str] | None
) -> pulumi.Output[Mapping[str, str]]:
    """Release id → revision, of what runs."""
    pairs = [(traffic.stable.id, stable)]
    if traffic.candidate and candidate is not None:
        pairs.append((traffic.candidate.id, candidate))
    return pulumi.Output.all(*(pulumi.Output.all(*pair) for pair in pairs)).apply(
        lambda found: {str(release): str(revision) for release, revision in found}
    )


def address(uri: pulumi.Output[str], tag: str) -> pulumi.Output[str]:
    """A tagged revision's own address, ``https://<tag>---<host of the service>``.

    Source: cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration.
    """
    return uri.apply(lambda found: found.replace("https://", f"https://{tag}---", 1))
