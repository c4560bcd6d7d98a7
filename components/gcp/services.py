"""The project's APIs: everything else waits for them, since a new project has almost none enabled."""

from __future__ import annotations

import pulumi
import pulumi_gcp.projects as projects

from components.gcp.settings import Settings
from components.spec import Environment

# One name per API that a component calls; the scanner makes Artifact Registry's "inherited" scanning take effect.
APIS = (
    "artifactregistry.googleapis.com",
    "cloudscheduler.googleapis.com",
    "compute.googleapis.com",
    "containerscanning.googleapis.com",
    "dns.googleapis.com",
    "iam.googleapis.com",
    "logging.googleapis.com",
    "monitoring.googleapis.com",
    "run.googleapis.com",
    "secretmanager.googleapis.com",
    "storage.googleapis.com",
)
PRODUCTION_APIS = ("cloudkms.googleapis.com",)
# An endpoint of Private Service Connect is registered in Service Directory
# (cloud.google.com/vpc/docs/configure-private-service-connect-services).
DATABASE_APIS = ("servicedirectory.googleapis.com", "sqladmin.googleapis.com")


class Services(pulumi.ComponentResource):
    """The APIs that this stack uses, enabled, those of a ``database`` only for one that has it.

    A destroyed stack leaves them on: others may use them too.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        settings: Settings,
        database: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:gcp:Services", name, None, opts)
        for api in (
            *APIS,
            *(PRODUCTION_APIS if environment.production else ()),
            *(DATABASE_APIS if database else ()),
        ):
            projects.Service(
                f"{name}-{api.partition('.')[0]}",
                projects.ServiceArgs(project=settings.project, service=api, disable_on_destroy=False),
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})
