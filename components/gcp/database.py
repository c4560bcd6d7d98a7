"""A PostgreSQL of Cloud SQL that has one address in the stack's network, and one identity that may log in."""

from __future__ import annotations

from urllib.parse import quote

import pulumi
import pulumi_gcp.compute as compute
import pulumi_gcp.projects as projects
import pulumi_gcp.serviceaccount as serviceaccount
import pulumi_gcp.sql as sql

from components import naming
from components.gcp.encryption import Encryption
from components.gcp.machines import edition, machine
from components.gcp.network import Network
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment
from components.tracking import DATABASE, PORT, TrackingSpec

VERSION = "POSTGRES_17"
# Lets log in; roles/cloudsql.client is for those who come by the proxy (cloud.google.com/sql/docs/postgres/iam-logins).
INSTANCE_USER = "roles/cloudsql.instanceUser"
# Owns what databases Cloud SQL makes, so that its members may make tables there; otherwise a user of IAM has no right
# in them (cloud.google.com/sql/docs/postgres/users).
_OWNER = "cloudsqlsuperuser"


class Database(pulumi.ComponentResource):
    """An instance without a public address, its database, and the one user, whose password is a token of IAM.

    The instance stands in a network of Google's; Private Service Connect gives it an address in this one's, which the
    firewall lets out to. It speaks TLS alone, grows by itself, is patched in its window and restored to any second of
    ``backup_days``. In production a standby in another zone takes over, and the stack's own key encrypts it. What is
    deleted leaves a last backup.

    Outputs: ``url``, with the user and without a password.
    """

    url: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: TrackingSpec,
        *,
        settings: Settings,
        account: serviceaccount.Account,
        services: Services,
        network: Network,
        encryption: Encryption | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Database", name, None, opts)
        self._name, self._environment, self._settings = name, environment, settings
        self._child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        instance = sql.DatabaseInstance(
            name,
            sql.DatabaseInstanceArgs(
                project=settings.project,
                region=settings.region,
                name=naming.name(environment, "database-instance", "tracking"),
                database_version=VERSION,
                encryption_key_name=encryption.key if encryption else None,
                # The provider's own refusal; that of the cloud itself stands among the settings.
                deletion_protection=environment.guarded,
                settings=_settings(spec, environment, settings),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[services, *([encryption] if encryption else [])], protect=True
            ),
        )
        sql.Database(
            name,
            sql.DatabaseArgs(
                project=settings.project,
                instance=instance.name,
                name=DATABASE,
                # PostgreSQL refuses to drop what others are connected to or own; both go with the instance.
                deletion_policy="ABANDON",
            ),
            opts=pulumi.ResourceOptions.merge(self._child, pulumi.ResourceOptions(protect=True)),
        )
        user = self._let_in(account, instance)
        address = self._address(instance, network)
        # The authority is this instance's alone, so that what it signed can be no other server: verify-ca is enough.
        self.url = pulumi.Output.all(user, address).apply(
            lambda known: f"postgresql://{quote(known[0], safe='')}@{known[1]}:{PORT}/{DATABASE}?sslmode=verify-ca"
        )
        self.register_outputs({"url": self.url})

    def _let_in(self, account: serviceaccount.Account, instance: sql.DatabaseInstance) -> pulumi.Output[str]:
        """The user that the account is, named without what all accounts' addresses end in, and its right to log in."""
        user = account.email.apply(lambda email: email.removesuffix(".gserviceaccount.com"))
        sql.User(
            self._name,
            sql.UserArgs(
                project=self._settings.project,
                instance=instance.name,
                name=user,
                type="CLOUD_IAM_SERVICE_ACCOUNT",
                database_roles=[_OWNER],
                deletion_policy="ABANDON",
            ),
            opts=self._child,
        )
        # There is no narrower place for the role than the project (cloud.google.com/sql/docs/postgres/iam-conditions).
        only = pulumi.Output.concat(
            f"resource.name == 'projects/{self._settings.project}/instances/",
            instance.name,
            "' && resource.type == 'sqladmin.googleapis.com/Instance'",
        )
        projects.IAMMember(
            f"{self._name}-login",
            projects.IAMMemberArgs(
                project=self._settings.project,
                role=INSTANCE_USER,
                member=account.member,
                condition=projects.IAMMemberConditionArgs(title="Tracking store", expression=only),
            ),
            opts=self._child,
        )
        return user

    def _address(self, instance: sql.DatabaseInstance, network: Network) -> pulumi.Output[str]:
        """Where the network reaches the instance, and the rule that lets it
        (cloud.google.com/sql/docs/postgres/configure-private-service-connect)."""
        project, region = self._settings.project, self._settings.region
        labels = naming.tags(self._environment)
        address = compute.Address(
            self._name,
            compute.AddressArgs(
                project=project,
                region=region,
                name=naming.name(self._environment, "network", "tracking"),
                address_type="INTERNAL",
                subnetwork=network.serving,
                labels=labels,
            ),
            opts=self._child,
        )
        compute.ForwardingRule(
            self._name,
            compute.ForwardingRuleArgs(
                project=project,
                region=region,
                name=naming.name(self._environment, "network", "tracking"),
                network=network.network,
                ip_address=address.id,
                target=instance.psc_service_attachment_link,
                load_balancing_scheme="",
                labels=labels,
            ),
            opts=self._child,
        )
        compute.Firewall(
            f"{self._name}-allow",
            compute.FirewallArgs(
                project=project,
                name=naming.name(self._environment, "firewall", "allow-tracking"),
                network=network.network,
                description="PostgreSQL to the tracking store's address",
                direction="EGRESS",
                priority=1000,
                destination_ranges=[pulumi.Output.concat(address.address, "/32")],
                allows=[compute.FirewallAllowArgs(protocol="tcp", ports=[str(PORT)])],
            ),
            opts=self._child,
        )
        return address.address


def _settings(spec: TrackingSpec, environment: Environment, settings: Settings) -> sql.DatabaseInstanceSettingsArgs:
    """What runs, where it is reached, and how it is kept."""
    chosen = machine(spec, environment)
    return sql.DatabaseInstanceSettingsArgs(
        tier=chosen,
        edition=edition(chosen),
        availability_type="REGIONAL" if environment.production else "ZONAL",
        # The provider leaves alone a disk that has grown beyond its size here.
        disk_size=spec.storage_gb,
        disk_autoresize=True,
        disk_type="PD_SSD",
        deletion_protection_enabled=environment.guarded,
        ip_configuration=sql.DatabaseInstanceSettingsIpConfigurationArgs(
            ipv4_enabled=False,
            ssl_mode="ENCRYPTED_ONLY",
            server_ca_mode="GOOGLE_MANAGED_INTERNAL_CA",
            psc_configs=[
                sql.DatabaseInstanceSettingsIpConfigurationPscConfigArgs(
                    psc_enabled=True, allowed_consumer_projects=[settings.project]
                )
            ],
        ),
        database_flags=[
            sql.DatabaseInstanceSettingsDatabaseFlagArgs(name="cloudsql.iam_authentication", value="on"),
        ],
        backup_configuration=sql.DatabaseInstanceSettingsBackupConfigurationArgs(
            enabled=True,
            start_time="01:00",
            location=settings.region,
            point_in_time_recovery_enabled=True,
            transaction_log_retention_days=spec.backup_days,
            # One more than the days of the logs, which begin at a backup (cloud.google.com/sql/docs/postgres/
            # backup-recovery/pitr).
            backup_retention_settings=sql.DatabaseInstanceSettingsBackupConfigurationBackupRetentionSettingsArgs(
                retained_backups=spec.backup_days + 1, retention_unit="COUNT"
            ),
        ),
        final_backup_config=sql.DatabaseInstanceSettingsFinalBackupConfigArgs(
            enabled=True, retention_days=30 if environment.production else 7
        ),
        # The night to Sunday in UTC; production a week after development.
        maintenance_window=sql.DatabaseInstanceSettingsMaintenanceWindowArgs(
            day=7, hour=3, update_track="stable" if environment.production else "canary"
        ),
        user_labels=naming.tags(environment),
    )
