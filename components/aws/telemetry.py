"""Where logs and metrics are kept."""

from __future__ import annotations

import pulumi
from pulumi_aws import amp, cloudwatch

from components import naming
from components.aws.account import Account
from components.spec import Environment, MonitoringSpec


class Telemetry(pulumi.ComponentResource):
    """A managed Prometheus workspace and one log group each for the service, training and Prometheus itself.

    Outputs: ``remote_write_url``, ``query_url``, ``workspace_id``, ``workspace_arn``, and ``service_logs`` and
    ``training_logs``, the log groups.
    """

    remote_write_url: pulumi.Output[str]
    query_url: pulumi.Output[str]
    service_logs: cloudwatch.LogGroup
    training_logs: cloudwatch.LogGroup

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        account: Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Telemetry", name, None, opts)
        self._name, self._environment, self._spec, self._account = name, environment, spec, account
        self.service_logs = self._log_group("service")
        self.training_logs = self._log_group("training")
        # What the rules and the alert manager could not do is found nowhere but here
        # (docs.aws.amazon.com/prometheus/latest/userguide/CW-logs.html).
        own_logs = self._log_group("prometheus")
        workspace = amp.Workspace(
            name,
            amp.WorkspaceArgs(
                alias=naming.name(environment, "workspace-alias", "metrics"),
                kms_key_arn=account.key_arn,
                logging_configuration=amp.WorkspaceLoggingConfigurationArgs(
                    log_group_arn=pulumi.Output.concat(own_logs.arn, ":*")
                ),
                tags=naming.tags(environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
        self.workspace_id, self.workspace_arn = workspace.id, workspace.arn
        self.query_url = workspace.prometheus_endpoint.apply(lambda address: address.rstrip("/"))
        self.remote_write_url = pulumi.Output.concat(self.query_url, "/api/v1/remote_write")
        self.register_outputs({"remote_write_url": self.remote_write_url, "query_url": self.query_url})

    def _log_group(self, part: str) -> cloudwatch.LogGroup:
        """An encrypted log group with retention."""
        return cloudwatch.LogGroup(
            f"{self._name}-{part}",
            cloudwatch.LogGroupArgs(
                name=naming.name(self._environment, "log-group", part),
                retention_in_days=self._spec.log_retention_days,
                kms_key_id=self._account.key_arn,
                tags=naming.tags(self._environment),
            ),
            opts=pulumi.ResourceOptions(parent=self, protect=True),
        )
