from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.tags import TABLE, TAGS

COMPLETE = {"project": "mlplatform", "stack": "aws-dev", "environment": "dev", "managed-by": "pulumi"}


def _inputs(kind: str, tags: dict[str, str]) -> dict[str, Any]:
    """The tags as the type has them: a map called tags or labels, or Docker's list of labels."""
    if kind.startswith("docker:"):
        return {"labels": [{"label": key, "value": value} for key, value in tags.items()]}
    inputs: dict[str, Any] = tags
    for step in reversed(TABLE[kind][0].path.split(".")):
        inputs = {step: inputs}
    return inputs


@pytest.mark.parametrize("kind", TABLE)
def test_a_resource_with_all_required_tags_passes(judge: Callable[..., list[str]], kind: str) -> None:
    assert judge(TAGS, kind, _inputs(kind, {**COMPLETE, "team": "iris"})) == []


@pytest.mark.parametrize("kind", TABLE)
def test_a_resource_that_lacks_a_required_tag_is_refused_with_the_keys(
    judge: Callable[..., list[str]], kind: str
) -> None:
    tags = {"project": "mlplatform", "stack": "", "managed-by": "pulumi"}
    [message] = judge(TAGS, kind, _inputs(kind, tags))
    assert f"{TABLE[kind][0].path} lacks stack, environment: " in message


@pytest.mark.parametrize("kind", TABLE)
def test_a_resource_without_any_tags_is_refused(judge: Callable[..., list[str]], kind: str) -> None:
    [message] = judge(TAGS, kind, {})
    assert "lacks project, stack, environment, managed-by" in message


def test_the_required_keys_are_the_packs_configuration(judge: Callable[..., list[str]]) -> None:
    config = {"required": ["example.com/cost-center"]}
    assert judge(TAGS, "aws:s3/bucket:Bucket", {"tags": {"example.com/cost-center": "42"}}, config=config) == []
    [message] = judge(TAGS, "aws:s3/bucket:Bucket", {"tags": COMPLETE}, config=config)
    assert "tags lacks example.com/cost-center: " in message
