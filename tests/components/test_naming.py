"""Names fit every cloud, never meet, and are never moved by what is only displayed."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import naming
from components.spec import Cloud, Environment, Tier

stack_names = st.from_regex(r"[a-z](-?[a-z0-9]){1,11}", fullmatch=True)
parts = st.from_regex(r"[a-z](-?[a-z0-9]){0,29}", fullmatch=True)
clouds = st.sampled_from(get_args(Cloud))
tiers = st.sampled_from(get_args(Tier))
environments = st.builds(
    Environment,
    cloud=clouds,
    tier=tiers,
    project=st.sampled_from(["mlplatform", "a-much-longer-project-name-than-most"]),
    stack=stack_names,
    namespace=st.sampled_from(["", "contoso"]),
)
kinds = {cloud: sorted(limits) for cloud, limits in naming.LIMITS.items()}


@given(environments, parts, st.data())
def test_a_name_is_within_the_limits_of_its_kind(environment: Environment, part: str, data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(kinds[environment.cloud]))
    limit = naming.LIMITS[environment.cloud][kind]
    found = naming.name(environment, kind, part)
    assert limit.minimum <= len(found) <= limit.maximum
    alphabet = r"[a-z](?!.*--)[a-z0-9-]*[a-z0-9]" if limit.hyphens else r"[a-z][a-z0-9]*"
    assert re.fullmatch(alphabet, found), found


@given(environments, environments, parts, parts)
def test_two_resources_never_have_one_name(one: Environment, other: Environment, part: str, other_part: str) -> None:
    kind = "registry" if one.cloud == "azure" else kinds[one.cloud][0]

    def identity(environment: Environment, which: str) -> tuple[str, ...]:
        return environment.cloud, environment.namespace, environment.project, environment.stack, which

    if identity(one, part) != identity(other, other_part) and one.cloud == other.cloud:
        assert naming.name(one, kind, part) != naming.name(other, kind, other_part)


@given(environments, parts)
def test_tags_and_tier_are_display_and_rename_nothing(environment: Environment, part: str) -> None:
    shown = Environment(
        cloud=environment.cloud,
        tier="prod",
        project=environment.project,
        stack=environment.stack,
        namespace=environment.namespace,
        tags={"cost-center": "4711"},
    )
    for kind in kinds[environment.cloud]:
        assert naming.name(shown, kind, part) == naming.name(environment, kind, part)


def test_names_are_the_same_on_every_machine_and_day() -> None:
    environment = Environment(cloud="aws", tier="prod", project="mlplatform", stack="aws-prod")
    assert naming.name(environment, "target-group", "stable") == "aws-prod-stable-3gvnrufi"
    assert naming.revision("release") == "rutkfd3bd"


def test_a_long_stack_is_cut_before_the_part() -> None:
    environment = Environment(cloud="azure", tier="dev", project="p", stack="a-rather-long-stack-name")
    assert "-serving-" in naming.name(environment, "container-app", "serving")


def test_an_unknown_kind_is_named() -> None:
    environment = Environment(cloud="gcp", tier="dev", project="p", stack="gcp-dev")
    with pytest.raises(KeyError, match="balloon"):
        naming.name(environment, "balloon", "x")


@given(environments)
def test_tags_are_valid_labels_of_every_cloud(environment: Environment) -> None:
    for key, value in naming.tags(environment).items():
        assert re.fullmatch(r"[a-z][a-z0-9_-]{0,62}", key)
        assert re.fullmatch(r"[a-z0-9_-]{0,63}", value)


def test_the_owners_tags_are_added_and_cannot_hide_whose_a_resource_is() -> None:
    own = {"stack": "another", "team": "ml"}
    environment = Environment(cloud="gcp", tier="dev", project="p", stack="gcp-dev", tags=own)
    assert naming.tags(environment)["stack"] == "gcp-dev"
    assert naming.tags(environment)["team"] == "ml"
