from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from policy.rules.retention import PROTECTED, RETENTION, TABLE

LOGS = [kind for kind in TABLE if kind not in PROTECTED]
BACKED_UP = {
    "aws:rds/instance:Instance": "backupRetentionPeriod",
    "gcp:sql/databaseInstance:DatabaseInstance": "settings.backupConfiguration.transactionLogRetentionDays",
}
"""Databases that keep no backups unless they are told how many days of them."""


def days(kind: str, number: float) -> dict[str, Any]:
    """The inputs of a database that keeps so many days of backups."""
    inputs: Any = number
    for step in reversed(BACKED_UP[kind].split(".")):
        inputs = {step: inputs}
    return inputs


@pytest.mark.parametrize("kind", PROTECTED)
def test_what_holds_data_must_be_protected(judge: Callable[..., list[str]], kind: str) -> None:
    inputs = days(kind, 7.0) if kind in BACKED_UP else {}
    assert judge(RETENTION, kind, inputs, protect=True) == []
    [message] = judge(RETENTION, kind, inputs)
    assert "protect is false: " in message
    assert "ResourceOptions(protect=True)" in message


@pytest.mark.parametrize("kind", BACKED_UP)
def test_a_database_must_keep_backups(judge: Callable[..., list[str]], kind: str) -> None:
    for inputs, shown in (({}, "not set"), (days(kind, 0.0), "0")):
        [message] = judge(RETENTION, kind, inputs, protect=True)
        assert f"{BACKED_UP[kind]} is {shown}: " in message


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
