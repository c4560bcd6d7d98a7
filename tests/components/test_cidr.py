"""A network's range is divided without overlap, and a later subnet moves no earlier one."""

from __future__ import annotations

import ipaddress
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cidr import subnets
from components.spec import SpecError

sizes = st.lists(st.integers(20, 28), min_size=1, max_size=8)


@given(sizes)
def test_subnets_lie_within_the_range_and_apart(prefixes: list[int]) -> None:
    found = subnets("10.20.0.0/16", {str(index): prefix for index, prefix in enumerate(prefixes)})
    networks = [ipaddress.IPv4Network(cidr) for cidr in found.values()]
    assert [network.prefixlen for network in networks] == prefixes
    assert all(network.subnet_of(ipaddress.IPv4Network("10.20.0.0/16")) for network in networks)
    assert not any(one.overlaps(other) for one, other in combinations(networks, 2))


@given(sizes, st.integers(20, 28))
def test_a_subnet_added_at_the_end_moves_none(prefixes: list[int], added: int) -> None:
    named = {str(index): prefix for index, prefix in enumerate(prefixes)}
    before = subnets("10.20.0.0/16", named)
    assert subnets("10.20.0.0/16", {**named, "added": added}) | before == subnets(
        "10.20.0.0/16", {**named, "added": added}
    )


def test_a_range_without_room_names_the_subnet_that_does_not_fit() -> None:
    with pytest.raises(SpecError, match=r"'10\.0\.0\.0/24'.*'data' \(/25\); use a larger range"):
        subnets("10.0.0.0/24", {"ingress": 25, "workload": 26, "data": 25})
