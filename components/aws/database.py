"""A PostgreSQL of RDS that one client alone reaches, and whose password nobody but AWS chooses and keeps."""

from __future__ import annotations

import re
from typing import cast

import pulumi
from pulumi_aws import cloudwatch, ec2, rds, vpc

from components import naming
from components.aws.account import Account
from components.aws.groups import group_name
from components.aws.network import Network
from components.spec import Environment, SpecError
from components.tracking import DATABASE, PORT, TrackingSpec

USER = "mlflow"
"""The master user, whose password RDS makes, keeps in Secrets Manager and rotates."""
# docs.aws.amazon.com/AmazonRDS/latest/PostgreSQLReleaseNotes/postgresql-versions.html; without a minor version AWS
# takes the newest one, and moves on by itself.
_MAJOR = "17"
_FAMILY = f"postgres{_MAJOR}"
# Offered with a standby as well: a deployment with one standby asks for no particular class
# (docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZSingleStandby.html).
_SMALLEST = "db.t4g.micro"
_GROWTH = 10
"""How often the storage that was asked for the database may become: within the 65,536 GiB of RDS for every size."""
# What PostgreSQL itself writes; the other log tells of upgrades to another major version
# (docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.html).
_LOG = "postgresql"


def instance_class(spec: TrackingSpec) -> str:
    """The class of the instance. Raises SpecError for a machine that is none of RDS."""
    machine = _SMALLEST if spec.machine is None else spec.machine
    if re.fullmatch(r"db\.[a-z][a-z0-9-]*\.[a-z0-9-]+", machine) is None:
        raise SpecError(f"tracking.machine is {machine!r}: not an instance class of RDS; write e.g. {_SMALLEST}")
    return machine


class Database(pulumi.ComponentResource):
    """One instance in the data subnets, in production with a standby in another zone.

    Without a public address, admitting its client alone and TLS alone; storage, snapshots, logs and secret are under
    the stack's key. Changes are made by the update that asks for them, not in the next maintenance window, since until
    then they would show as drift; a change of the class interrupts the database.

    AWS itself refuses to delete it where the environment is guarded. What production deletes leaves a final snapshot
    and its backups, as long as they are kept; dev leaves nothing.

    Outputs: ``url`` (without a password), ``secret`` (ARN of the user's name and password as JSON), ``client_group``
    (the security group by which a task gets in).
    """

    url: pulumi.Output[str]
    secret: pulumi.Output[str]
    client_group: pulumi.Output[str]

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
        machine = instance_class(spec)
        super().__init__("mlplatform:aws:Database", name, None, opts)
        self._name, self._environment, self._network = name, environment, network
        self._child = pulumi.ResourceOptions(parent=self)
        identifier = naming.name(environment, "database", "tracking")
        group, self.client_group = self._groups()
        # Under the name that RDS writes to: a group that RDS makes itself keeps everything for ever, in plain.
        logs = cloudwatch.LogGroup(
            name,
            cloudwatch.LogGroupArgs(
                name=f"/aws/rds/instance/{identifier}/{_LOG}",
                retention_in_days=log_retention_days,
                kms_key_id=account.key_arn,
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        instance = rds.Instance(
            name,
            rds.InstanceArgs(
                identifier=identifier,
                engine="postgres",
                engine_version=_MAJOR,
                auto_minor_version_upgrade=True,
                instance_class=machine,
                multi_az=environment.production,
                db_name=DATABASE,
                port=PORT,
                username=USER,
                manage_master_user_password=True,
                master_user_secret_kms_key_id=account.key_arn,
                storage_type="gp3",
                allocated_storage=spec.storage_gb,
                max_allocated_storage=spec.storage_gb * _GROWTH,
                storage_encrypted=True,
                kms_key_id=account.key_arn,
                db_subnet_group_name=self._subnets(),
                vpc_security_group_ids=[group],
                publicly_accessible=False,
                parameter_group_name=self._parameters(),
                backup_retention_period=spec.backup_days,
                copy_tags_to_snapshot=True,
                enabled_cloudwatch_logs_exports=[_LOG],
                apply_immediately=True,
                deletion_protection=environment.guarded,
                delete_automated_backups=not environment.production,
                skip_final_snapshot=not environment.production,
                final_snapshot_identifier=(
                    naming.name(environment, "database", "tracking-final") if environment.production else None
                ),
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True, depends_on=[logs]),
        )
        self.url = pulumi.Output.format(
            "postgresql://{0}@{1}:{2}/{3}?sslmode=verify-full", USER, instance.address, PORT, DATABASE
        )
        self.secret = instance.master_user_secrets.apply(lambda secrets: cast(str, secrets[0].secret_arn))
        self.register_outputs({"url": self.url, "secret": self.secret})

    def _subnets(self) -> pulumi.Output[str]:
        """The data subnets of every zone; another network's have another name, and the instance moves to them."""
        part = f"tracking-{naming.revision(self._network.cidr)}"
        return rds.SubnetGroup(
            self._name,
            rds.SubnetGroupArgs(
                name=naming.name(self._environment, "resource", part),
                description="Data subnets of every zone",
                subnet_ids=self._network.data_subnets,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        ).name

    def _parameters(self) -> pulumi.Output[str]:
        """TLS is the only way to connect; another major version's parameters have another name."""
        # AWS's own way to apply it: where the value is the default already, the provider's way would be a change that
        # AWS refuses (pulumi_aws.rds.ParameterGroup, "Align apply_method with AWS Defaults").
        force_tls = rds.ParameterGroupParameterArgs(name="rds.force_ssl", value="1", apply_method="pending-reboot")
        return rds.ParameterGroup(
            self._name,
            rds.ParameterGroupArgs(
                name=naming.name(self._environment, "resource", f"tracking-{_FAMILY}"),
                description="TLS alone",
                family=_FAMILY,
                parameters=[force_tls],
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        ).name

    def _groups(self) -> tuple[pulumi.Output[str], pulumi.Output[str]]:
        """The database's group, which leads nowhere, and the only one that gets into it: its client's."""
        group = self._group(self._name, "tracking", "Tracking database: PostgreSQL from its client")
        client = self._group(f"{self._name}-client", "tracking-client", "Client of the tracking database: out to it")
        vpc.SecurityGroupIngressRule(
            self._name,
            vpc.SecurityGroupIngressRuleArgs(
                security_group_id=group,
                ip_protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                referenced_security_group_id=client,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )
        vpc.SecurityGroupEgressRule(
            self._name,
            vpc.SecurityGroupEgressRuleArgs(
                security_group_id=client,
                ip_protocol="tcp",
                from_port=PORT,
                to_port=PORT,
                referenced_security_group_id=group,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        )
        return group, client

    def _group(self, name: str, part: str, description: str) -> pulumi.Output[str]:
        """A security group without rules."""
        return ec2.SecurityGroup(
            name,
            ec2.SecurityGroupArgs(
                vpc_id=self._network.vpc,
                name=group_name(self._environment, part, self._network.cidr),
                description=description,
                tags=naming.tags(self._environment),
            ),
            opts=self._child,
        ).id
