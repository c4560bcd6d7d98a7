"""Where logs and metrics are kept."""

from __future__ import annotations

import pulumi
import pulumi_gcp.logging as logging

from components import naming
from components.gcp.services import Services
from components.gcp.settings import Settings
from components.spec import Environment, MonitoringSpec


class Telemetry(pulumi.ComponentResource):
    """A log bucket with its retention and the sink that fills it; metrics need no resource on GCP.

    Managed Prometheus is part of every project and keeps metrics for 24 months. There is no Prometheus remote-write
    address: the side-car writes through the Monitoring API, which is what ``remote_write_url`` names.

    Outputs: ``remote_write_url``, ``query_url`` and ``log_bucket`` (its id).
    """

    remote_write_url: pulumi.Output[str]
    query_url: pulumi.Output[str]
    log_bucket: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: MonitoringSpec,
        *,
        settings: Settings,
        services: Services,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Telemetry", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=[services])
        bucket = logging.ProjectBucketConfig(
            name,
            logging.ProjectBucketConfigArgs(
                project=settings.project,
                location=settings.region,
                bucket_id=naming.name(environment, "log-bucket", "logs"),
                retention_days=spec.log_retention_days,
                description="Logs of the service and of training",
            ),
            opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(protect=True)),
        )
        # The names are pure functions of the environment, so the sink stands before the first line is logged.
        service = naming.name(environment, "service", "serving")
        job = naming.name(environment, "job", "training")
        database = f"{settings.project}:{naming.name(environment, 'database-instance', 'tracking')}"
        logging.ProjectSink(
            f"{name}-sink",
            logging.ProjectSinkArgs(
                project=settings.project,
                name=naming.name(environment, "resource", "logs"),
                destination=pulumi.Output.concat("logging.googleapis.com/", bucket.id),
                filter=(
                    f'(resource.type="cloud_run_revision" AND resource.labels.service_name="{service}") OR '
                    f'(resource.type="cloud_run_job" AND resource.labels.job_name="{job}") OR '
                    f'(resource.type="cloudsql_database" AND resource.labels.database_id="{database}")'
                ),
                unique_writer_identity=True,
            ),
            opts=child,
        )
        self.log_bucket = bucket.id
        self.remote_write_url = pulumi.Output.from_input("https://monitoring.googleapis.com")
        # cloud.google.com/stackdriver/docs/managed-prometheus/query-api-ui
        self.query_url = pulumi.Output.from_input(
            f"https://monitoring.googleapis.com/v1/projects/{settings.project}/location/global/prometheus"
        )
        self.register_outputs(
            {"remote_write_url": self.remote_write_url, "query_url": self.query_url, "log_bucket": self.log_bucket}
        )
