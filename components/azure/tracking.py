"""What an MLflow server keeps its books and files in: a PostgreSQL, a container of blobs, one identity for both."""

from __future__ import annotations

import pulumi

from components.azure import access
from components.azure.access import Role
from components.azure.artifacts import Artifacts
from components.azure.database import Database
from components.azure.network import Network
from components.azure.settings import Settings, check_tracking
from components.azure.shared import ResourceGroup
from components.azure.telemetry import Telemetry
from components.spec import Environment
from components.tracking import TrackingSpec


class TrackingStore(pulumi.ComponentResource):
    """The store without the server, which its team runs in the stack's network, as the identity made here.

    The identity writes to the store's own files and is the database server's one administrator: any lesser login can
    only be made in SQL, by an administrator. Nobody else has a right to either.

    Outputs: ``database`` and ``files`` (see ``components/contract.py``), ``identity`` (its resource id) and
    ``client_id``, by which a process says that it wants to be that identity.
    """

    database: pulumi.Output[str]
    files: pulumi.Output[str]
    identity: pulumi.Output[str]
    client_id: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: TrackingSpec,
        *,
        settings: Settings,
        group: ResourceGroup,
        network: Network,
        telemetry: Telemetry,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:azure:TrackingStore", name, None, opts)
        check_tracking(spec, environment)
        child = pulumi.ResourceOptions(parent=self)
        server = access.identity(name, environment, group=group, parent=self)
        files = Artifacts(
            f"{name}-files",
            environment,
            settings,
            part="tracking",
            group=group,
            network=network,
            telemetry=telemetry,
            opts=child,
        )
        access.grant(
            f"{name}-files",
            environment,
            Role.STORAGE_BLOB_DATA_CONTRIBUTOR,
            to=server,
            on=files.container_id,
            group=group,
            parent=self,
        )
        database = Database(
            f"{name}-database",
            environment,
            spec,
            user=server,
            group=group,
            network=network,
            telemetry=telemetry,
            opts=child,
        )
        self.database = database.url
        self.files = pulumi.Output.concat("wasbs://", files.container, "@", files.host, "/mlflow")
        self.identity = server.id
        self.client_id = server.client_id
        self.register_outputs({"database": self.database, "files": self.files, "identity": self.identity})
