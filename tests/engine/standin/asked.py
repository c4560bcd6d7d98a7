"""What a whole stack program asks its providers for, in the form in which the engine sends it."""

from __future__ import annotations

from typing import Any, cast

from pulumi.runtime.rpc import UNKNOWN

from components.spec import Cloud, Tier
from tests.components import record
from tests.components.contract import Variant, stack_run


def asked(
    cloud: Cloud, tier: Tier, preview: bool, variant: Variant = "plain"
) -> list[tuple[record.Registered, dict[str, Any]]]:
    """Each resource that a provider is asked for, with its inputs."""
    resources = stack_run(cloud, tier, preview, variant).resources
    return [
        (resource, _sent(resource.inputs))
        for resource in resources
        if resource.custom and not resource.type.startswith("pulumi")
    ]


def _sent(value: Any) -> Any:
    """A recorded value as the engine sends it."""
    if value is record.UNKNOWN:
        return UNKNOWN
    if isinstance(value, record.Secret):
        return _sent(value.value)
    if isinstance(value, dict):
        return {key: _sent(entry) for key, entry in cast(dict[str, Any], value).items()}
    return [_sent(entry) for entry in cast(list[Any], value)] if isinstance(value, list) else value
