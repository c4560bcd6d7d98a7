"""The tracking store: a PostgreSQL, a bucket, and the identity that an MLflow server opens both with."""

from __future__ import annotations

import pulumi
import pulumi_gcp.serviceaccount as serviceaccount

from components import naming
from components.gcp.artifacts import Artifacts
from components.gcp.database import Database
from components.gcp.encryption import Encryption
from components.gcp.machines import check_tracking
from components.gcp.network import Network
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment
from components.tracking import TrackingSpec


class TrackingStore(pulumi.ComponentResource):
    """What an MLflow server keeps its books and files in; the server itself is the team's, and runs as ``identity``.

    No password exists: the account logs in with a token that IAM gives it for an hour. It owns the database, and
    reads, writes and deletes objects of its own bucket; it has no other right.

    Outputs: ``database``, ``files`` (``gs://…/mlflow``) and ``identity`` (the account's e-mail address).
    """

    database: pulumi.Output[str]
    files: pulumi.Output[str]
    identity: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: TrackingSpec,
        *,
        settings: Settings,
        services: Services,
        network: Network,
        encryption: Encryption | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:TrackingStore", name, None, opts)
        check_tracking(spec, environment)
        child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        account = serviceaccount.Account(
            name,
            serviceaccount.AccountArgs(
                project=settings.project,
                account_id=naming.name(environment, "service-account", "tracking"),
                display_name="Identity of the MLflow server",
            ),
            opts=child,
        )
        bucket = Artifacts(
            f"{name}-artifacts",
            environment,
            "tracking",
            settings=settings,
            services=services,
            encryption=encryption,
            parent=self,
        )
        bucket.opened_to(f"{name}-writer", account.member, child)
        self.database = Database(
            name,
            environment,
            spec,
            settings=settings,
            account=account,
            services=services,
            network=network,
            encryption=encryption,
            opts=child,
        ).url
        self.files = pulumi.Output.concat(bucket.url, "/mlflow")
        self.identity = account.email
        self.register_outputs({"database": self.database, "files": self.files, "identity": self.identity})
