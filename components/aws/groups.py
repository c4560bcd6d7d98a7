"""What the security groups are called."""

from __future__ import annotations

from components import naming
from components.spec import Environment


def group_name(environment: Environment, part: str, cidr: str) -> str:
    """The name of a security group in the network with this range; another network's group has another name.

    A group cannot move to another network, and the provider deletes what is replaced under a name of the same text
    first, which AWS refuses while another group's rule refers to it.
    """
    return naming.name(environment, "security-group", f"{part}-{naming.revision(cidr)}")
