"""What an MLflow server keeps its books and files in; the server itself is the team's, in this network."""

from __future__ import annotations

import pulumi

from components.aws.account import Account
from components.aws.artifacts import Artifacts
from components.aws.database import Database
from components.aws.identity import read_secrets, task_role
from components.aws.network import Network
from components.aws.policies import Role, allow
from components.spec import Environment
from components.tracking import TrackingSpec


class TrackingStore(pulumi.ComponentResource):
    """A database, a bucket, and the role of the ECS task that the server runs in: nobody else has a right to either.

    Outputs: ``database``, ``files`` (``s3://…/mlflow``), ``identity`` (the task role's ARN), ``group`` (the
    security group that leads to the database, which the task carries besides the workload's), and ``secret``, the ARN
    of the database's user and password in Secrets Manager; RDS rotates it every seven days.
    """

    database: pulumi.Output[str]
    files: pulumi.Output[str]
    identity: pulumi.Output[str]
    secret: pulumi.Output[str]
    group: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: TrackingSpec,
        *,
        account: Account,
        network: Network,
        log_retention_days: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:TrackingStore", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        database = Database(
            f"{name}-database",
            environment,
            spec,
            account=account,
            network=network,
            log_retention_days=log_retention_days,
            opts=child,
        )
        bucket = Artifacts(f"{name}-files", environment, "tracking", account=account, opts=child)
        server = self._server(name, environment, account, database.secret, bucket.arn, child)
        self.database, self.secret, self.group = database.url, database.secret, database.client_group
        self.files = pulumi.Output.concat(bucket.url, "/mlflow")
        self.identity = server.arn
        self.register_outputs(
            {
                "database": self.database,
                "files": self.files,
                "identity": self.identity,
                "secret": self.secret,
                "group": self.group,
            }
        )

    @staticmethod
    def _server(
        name: str,
        environment: Environment,
        account: Account,
        secret: pulumi.Output[str],
        bucket: pulumi.Output[str],
        opts: pulumi.ResourceOptions,
    ) -> Role:
        """Log in, and read, write and delete files (github.com/mlflow/mlflow, mlflow/store/artifact/
        s3_artifact_repo.py): ``mlflow gc`` deletes, and a large file that fails halfway is given up by its uploader.
        What is deleted stays as an old version for a while, and no right here reaches that.
        """
        through_s3 = {"StringEquals": {"kms:ViaService": f"s3.{account.region}.amazonaws.com"}}
        return task_role(
            f"{name}-server",
            environment,
            "tracking-server",
            account=account,
            statements=[
                *read_secrets(account, secret, key=account.key_arn),
                allow(["s3:ListBucket"], bucket),
                allow(
                    ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"],
                    pulumi.Output.concat(bucket, "/*"),
                ),
                allow(["kms:GenerateDataKey", "kms:Decrypt"], account.key_arn, through_s3),
            ],
            opts=opts,
        )
