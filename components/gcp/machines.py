"""The sizes of Cloud SQL that a tracking store can have, and what each of them cannot do."""

from __future__ import annotations

import re

from components.spec import Environment, SpecError, UnsupportedError
from components.tracking import TrackingSpec

SMALLEST = "db-f1-micro"
"""A part of one core."""
# Only a standby beside at least one dedicated core is within Google's agreement on availability
# (cloud.google.com/sql/docs/postgres/operational-guidelines).
SMALLEST_DEDICATED = "db-custom-1-3840"
_SHARED_CORE = (SMALLEST, "db-g1-small")
# The series on SSD; N4 and C4A want Hyperdisk (cloud.google.com/sql/docs/postgres/machine-series-overview).
_CUSTOM = r"db-custom-([0-9]+)-([0-9]+)"
_ENTERPRISE_PLUS = r"db-perf-optimized-N-[0-9]+"
# pulumi_gcp.sql: how far back transaction logs reach in the edition Enterprise; in Enterprise Plus it is 35 days.
_ENTERPRISE_LOG_DAYS = 7


def machine(spec: TrackingSpec, environment: Environment) -> str:
    """The size that was asked for, or the smallest that suits the tier."""
    return spec.machine or (SMALLEST_DEDICATED if environment.production else SMALLEST)


def edition(chosen: str) -> str:
    """The edition of Cloud SQL that has the size; without a word, PostgreSQL 16 and newer get the dearer one."""
    return "ENTERPRISE_PLUS" if re.fullmatch(_ENTERPRISE_PLUS, chosen) else "ENTERPRISE"


def check_tracking(spec: TrackingSpec, environment: Environment) -> None:
    """Raise SpecError for a size that Cloud SQL has not, UnsupportedError for what it cannot do at that size."""
    chosen = machine(spec, environment)
    custom = re.fullmatch(_CUSTOM, chosen)
    if custom is not None:
        _check_custom(chosen, int(custom[1]), int(custom[2]))
    elif chosen not in _SHARED_CORE and re.fullmatch(_ENTERPRISE_PLUS, chosen) is None:
        raise SpecError(
            f"tracking.machine is {chosen!r}: not a size of Cloud SQL for PostgreSQL on SSD; write "
            f"db-custom-<vCPU>-<MiB>, such as {SMALLEST_DEDICATED}, or db-perf-optimized-N-2"
        )
    if environment.production and chosen in _SHARED_CORE:
        raise SpecError(
            f"tracking.machine is {chosen!r}: Google promises no availability for a shared core, which production "
            f"needs; use {SMALLEST_DEDICATED}"
        )
    if spec.backup_days > _ENTERPRISE_LOG_DAYS and edition(chosen) == "ENTERPRISE":
        raise UnsupportedError(
            "gcp",
            f"tracking.backupDays {spec.backup_days} on {chosen}",
            f"use {_ENTERPRISE_LOG_DAYS}, or a machine of Enterprise Plus, such as db-perf-optimized-N-2",
        )


def _check_custom(chosen: str, cpu: int, memory_mb: int) -> None:
    """The rules of a custom size (cloud.google.com/sql/docs/postgres/instance-settings)."""
    core = cpu == 1 or (2 <= cpu <= 96 and cpu % 2 == 0)
    beside = 0.9 * 1024 * cpu <= memory_mb <= 6.5 * 1024 * cpu and memory_mb % 256 == 0 and memory_mb >= 3840
    if not core or not beside:
        raise SpecError(
            f"tracking.machine is {chosen!r}: a custom size has 1 vCPU or an even number up to 96, and beside each 0.9 "
            f"to 6.5 GiB, in steps of 256 MiB and 3840 MiB at least; use {SMALLEST_DEDICATED}"
        )
