"""The tracking store: what an MLflow server keeps its books and files in, asked for alike in every cloud."""

from __future__ import annotations

from dataclasses import dataclass

from components.spec import require

DATABASE = "mlflow"
"""The database's name in its server."""
PORT = 5432
"""Where PostgreSQL listens, in every cloud."""
SERVER_COMMAND = "mlflow server --host 0.0.0.0 --backend-store-uri '{0}' --artifacts-destination '{1}'"
"""How an MLflow server is started on a store's database (a URL without a password) and files."""
# Those of Azure, the only cloud that does not offer every size
# (learn.microsoft.com/azure/postgresql/flexible-server/concepts-storage).
_SIZES_GB = (32, 64, 128, 256, 512, 1024)


@dataclass(frozen=True, kw_only=True)
class TrackingSpec:
    """A managed PostgreSQL and a bucket; runs, metrics and versions are rows, models and plots are files.

    ``storage_gb`` in GiB is where the database begins, it grows by itself. ``backup_days`` is how far back it can be
    restored, to any second. ``machine`` is the cloud's own name of a size; None takes its smallest in dev, and in
    production the smallest that the cloud offers with a standby in another zone.
    """

    storage_gb: int = 32
    backup_days: int = 7
    machine: str | None = None

    def __post_init__(self) -> None:
        size, days = self.storage_gb, self.backup_days
        require(size in _SIZES_GB, "tracking.storageGb", size, "not offered by all clouds", f"use {_SIZES_GB}")
        # Seven is the least that Azure and 35 the most that Azure and AWS keep.
        require(7 <= days <= 35, "tracking.backupDays", days, "not between 7 and 35", "use 7")
