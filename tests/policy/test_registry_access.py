from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.registry_access import REGISTRY_ACCESS, TABLE

REGISTRY = "azure-native:containerregistry:Registry"


@pytest.mark.parametrize("inputs", [{}, {"adminUserEnabled": False, "anonymousPullEnabled": False}])
def test_a_registry_that_asks_for_an_identity_passes(judge: Callable[..., list[str]], inputs: dict[str, Any]) -> None:
    assert judge(REGISTRY_ACCESS, REGISTRY, inputs) == []


@pytest.mark.parametrize("switch", ["adminUserEnabled", "anonymousPullEnabled"])
def test_a_registry_with_a_shared_password_or_without_any_is_refused(
    judge: Callable[..., list[str]], switch: str
) -> None:
    [message] = judge(REGISTRY_ACCESS, REGISTRY, {switch: True})
    assert f"{switch} is true: " in message
    assert message.endswith("set it to false")


def test_the_table_holds_the_only_registry_with_an_admin_user() -> None:
    assert set(TABLE) == {REGISTRY}
