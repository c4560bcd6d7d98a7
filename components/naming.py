"""Physical names, tags and labels: pure functions of what a resource is, never of how it is displayed.

A name is ``<stack>-<part>-<hash>``: readable, within its kind's limits, and with a hash over cloud, namespace,
project, stack, kind and part, so that two environments never meet in one name, even where it had to be cut.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from components.spec import Environment

HASH_LENGTH = 8
"""Characters of the hash in a name: 40 bits in lowercase base 32."""


@dataclass(frozen=True)
class Limit:
    """The length that a kind allows, and whether hyphens may stand in it; letters are always lowercase."""

    minimum: int
    maximum: int
    hyphens: bool = True


# Sources of the limits, read there or narrower than there:
# azure  learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
# aws    the `name` argument of each resource's CreateX call in docs.aws.amazon.com (ELBv2, ECS, IAM, S3, RDS, ECR, …)
# gcp    cloud.google.com: run/docs/reference (service < 50), iam service accounts, storage/docs/buckets#naming,
#        compute/docs/naming-resources (RFC 1035, 63) for networks, Artifact Registry, secrets and the rest;
#        sql/docs/postgres/instance-settings (98 with the project's id and a colon)
# local  RFC 1123: a container's name is its host name in the network
LIMITS: dict[str, dict[str, Limit]] = {
    "azure": {
        "resource-group": Limit(1, 90),
        "registry": Limit(5, 50, hyphens=False),
        "container-app": Limit(2, 31),
        "container-job": Limit(2, 31),
        "container-environment": Limit(2, 32),
        "storage-account": Limit(3, 24, hyphens=False),
        "key-vault": Limit(3, 24),
        "log-workspace": Limit(4, 63),
        "monitor-workspace": Limit(4, 44),
        "identity": Limit(3, 24),
        "postgres": Limit(3, 63),  # learn.microsoft.com/cli/azure/postgres/flexible-server
        "virtual-network": Limit(2, 64),
        "network-security-group": Limit(1, 80),
        "action-group-short": Limit(1, 12, hyphens=False),
        "resource": Limit(1, 60),
    },
    "aws": {
        "load-balancer": Limit(1, 32),
        "target-group": Limit(1, 32),
        "cluster": Limit(1, 255),
        "service": Limit(1, 255),
        "task-family": Limit(1, 255),
        "role": Limit(1, 64),
        "bucket": Limit(3, 63),
        "database": Limit(1, 63),
        "repository": Limit(2, 256),
        "log-group": Limit(1, 512),
        "topic": Limit(1, 256),
        "workspace-alias": Limit(1, 100),
        "alarm": Limit(1, 255),
        "schedule": Limit(1, 64),
        "security-group": Limit(1, 255),
        "resource": Limit(1, 60),
    },
    "gcp": {
        # Cloud Run allows 46 characters for the service's name and a traffic tag together; "candidate" is the longest.
        "service": Limit(1, 37),
        "job": Limit(1, 49),
        "service-account": Limit(6, 30),
        "repository": Limit(1, 63),
        "network": Limit(1, 63),
        "subnet": Limit(1, 63),
        "firewall": Limit(1, 63),
        "bucket": Limit(3, 63),
        "log-bucket": Limit(1, 63),
        "secret": Limit(1, 255),
        "custom-role": Limit(3, 64, hyphens=False),
        "database-instance": Limit(1, 63),
        "resource": Limit(1, 63),
    },
    "local": {
        "network": Limit(1, 63),
        "container": Limit(1, 63),
        "volume": Limit(1, 63),
        "image": Limit(1, 63),
    },
}


def name(environment: Environment, kind: str, part: str) -> str:
    """The physical name of the ``part`` of ``kind`` in ``environment``; KeyError names an unknown kind.

    ``part`` says which one of its kind ("serving", "stable"): lowercase letters, digits and hyphens.
    """
    limit = LIMITS[environment.cloud][kind]
    room = limit.maximum - HASH_LENGTH - (1 if limit.hyphens else 0)
    if not limit.hyphens:
        stack, part_shown = environment.stack.replace("-", ""), part.replace("-", "")
        readable = (stack[: max(1, room - len(part_shown))] + part_shown)[:room]
        return readable + _hash(environment, kind, part)
    readable = f"{environment.stack[: max(1, room - len(part) - 1)].rstrip('-')}-{part}"[:room].strip("-")
    return f"{readable}-{_hash(environment, kind, part)}"


def _hash(environment: Environment, *identity: str) -> str:
    """Eight characters that stand for the whole identity of a resource."""
    whole = (environment.cloud, environment.namespace, environment.project, environment.stack, *identity)
    digest = hashlib.sha256("\0".join(whole).encode()).digest()
    return base64.b32encode(digest).decode().lower()[:HASH_LENGTH]


def revision(identity: str) -> str:
    """A short name for one revision of a service, e.g. a Container Apps suffix: a letter and eight characters.

    ``identity`` is everything that must give a new revision: the release id and, where a changed template may not
    keep its name, the template.
    """
    digest = hashlib.sha256(identity.encode()).digest()
    return "r" + base64.b32encode(digest).decode().lower()[:HASH_LENGTH]


def tags(environment: Environment) -> dict[str, str]:
    """What every resource that can be tagged carries; the keys and values are valid as GCP labels too."""
    own = {
        "project": environment.project,
        "stack": environment.stack,
        "environment": environment.tier,
        "managed-by": "pulumi",
    }
    return {**environment.tags, **own}
