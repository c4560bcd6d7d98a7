"""Address arithmetic: how a network's range is divided into subnets."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from components.spec import SpecError


def subnets(cidr: str, sizes: Mapping[str, int]) -> dict[str, str]:
    """A subnet of ``cidr`` for each name, of the given prefix length, in order and without overlap.

    Each starts at the first free boundary of its size, so a name added at the end moves none before it. Raises
    SpecError when the range is too small.
    """
    network = ipaddress.IPv4Network(cidr)
    end = int(network.broadcast_address) + 1
    free = int(network.network_address)
    result: dict[str, str] = {}
    for name, prefix in sizes.items():
        size = 2 ** (32 - prefix)
        start = -(-free // size) * size
        if start + size > end:
            raise SpecError(f"network.cidr is {cidr!r}: no room for subnet '{name}' (/{prefix}); use a larger range")
        result[name] = f"{ipaddress.IPv4Address(start)}/{prefix}"
        free = start + size
    return result
