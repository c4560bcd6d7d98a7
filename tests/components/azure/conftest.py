"""Runs Azure's stack program with some of its configuration changed."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any, Protocol

import pytest

from components.spec import Tier
from stacks import azure
from tests.components.azure import fakes
from tests.components.contract import Variant, configuration, stack_name
from tests.components.harness import PROJECT, Run, run


class Stack(Protocol):
    """A run of a tier's stack; ``changes`` replace fields within an object of its file, or whole values."""

    def __call__(
        self,
        tier: Tier,
        *,
        variant: Variant = "plain",
        preview: bool = False,
        previous: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Run: ...


@functools.cache
def _run(tier: Tier, variant: Variant, preview: bool, previous: str, changes: str) -> Run:
    """One run for all tests that ask for the same; ``previous`` and ``changes`` are JSON."""
    config = configuration("azure", tier, variant)
    for key, value in json.loads(changes).items():
        fields: dict[str, Any] = config.get(f"{PROJECT}:{key}", {}) if isinstance(value, dict) else {}
        config[f"{PROJECT}:{key}"] = {**fields, **value} if fields else value
    return run(
        azure.program,
        config={key: value for key, value in config.items() if value is not None},
        secrets=frozenset([f"{PROJECT}:hook"]),
        stack_name=stack_name("azure", tier),
        preview=preview,
        previous=json.loads(previous),
        outputs=fakes.outputs,
        call=fakes.call,
    )


@pytest.fixture
def stack() -> Stack:
    def start(
        tier: Tier,
        *,
        variant: Variant = "plain",
        preview: bool = False,
        previous: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Run:
        return _run(tier, variant, preview, json.dumps(previous or {}), json.dumps(changes))

    return start
