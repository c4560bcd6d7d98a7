from __future__ import annotations

from collections.abc import Callable

import pytest

from policy.rules.retention import PROTECTED, RETENTION, TABLE

LOGS = [kind for kind in TABLE if kind not in PROTECTED]


@pytest.mark.parametrize("kind", PROTECTED)
def test_what_holds_data_must_be_protected(judge: Callable[..., list[str]], kind: str) -> None:
    assert judge(RETENTION, kind, {}, protect=True) == []
    [message] = judge(RETENTION, kind, {})
    assert "protect is false: " in message
    assert "ResourceOptions(protect=True)" in message


@pytest.mark.parametrize("kind", LOGS)
def test_logs_need_a_number_of_days_or_protection(judge: Callable[..., list[str]], kind: str) -> None:
    [check] = TABLE[kind]
    assert judge(RETENTION, kind, {check.path: 30.0}) == []
    assert judge(RETENTION, kind, {}, protect=True) == []
    for inputs, shown in (({}, "not set"), ({check.path: 0.0}, "0")):
        [message] = judge(RETENTION, kind, inputs)
        assert f"{check.path} is {shown} and protect is false: " in message


def test_what_holds_nothing_passes(judge: Callable[..., list[str]]) -> None:
    assert judge(RETENTION, "aws:ec2/subnet:Subnet", {}) == []
