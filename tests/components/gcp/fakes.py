"""GCP's part in the contract suite: what Cloud Run would answer, and how to read what it was asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.gcp import agent
from components.gcp.template import SERVICE_CONTAINER
from tests.components.contract import Service
from tests.components.harness import Run

FIXED_GRACE_SECONDS = 10
"""Between TERM and KILL on Cloud Run (cloud.google.com/run/docs/container-contract)."""
WORKLOAD_ROLES = {
    "gcp:projects/iAMMember:IAMMember": {"roles/monitoring.metricWriter", "roles/cloudsql.instanceUser"},
    "gcp:secretmanager/secretIamMember:SecretIamMember": {"roles/secretmanager.secretAccessor"},
    "gcp:storage/bucketIAMMember:BucketIAMMember": {"roles/storage.objectUser"},
    "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember": {"roles/artifactregistry.reader"},
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": {"roles/cloudkms.cryptoKeyEncrypterDecrypter"},
    "gcp:cloudrunv2/serviceIamMember:ServiceIamMember": {"roles/run.invoker"},
    "gcp:cloudrunv2/jobIamMember:JobIamMember": {"roles/run.invoker"},
}
"""Every role that may be granted, by the kind of thing it is granted on."""
FOR_ONE_RESOURCE = {"roles/cloudsql.instanceUser"}
"""Those that are granted in the project for want of a narrower place, and so need a condition."""
HOLDS_DATA = (
    *("Bucket", "Repository", "ProjectBucketConfig", "KeyRing", "CryptoKey", "Secret"),
    *("DatabaseInstance", "Database"),
)
TRACKING_ADDRESS = "10.30.0.9"
ATTACHMENT = "projects/1/regions/europe-west1/serviceAttachments/database"


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Addresses in the form that Google gives them."""
    if type_ == "docker-build:index:Image":
        return {"digest": f"sha256:{'d' * 64}"}
    if type_ == "gcp:cloudrunv2/service:Service":
        return {"uri": f"https://{inputs['name']}-abcdefghij-ew.a.run.app"}
    if type_ == "gcp:cloudrunv2/job:Job":
        return {"id": f"projects/{inputs['project']}/locations/{inputs['location']}/jobs/{inputs['name']}"}
    if type_ == "gcp:storage/bucket:Bucket":
        return {"url": f"gs://{inputs['name']}"}
    if type_ == "gcp:serviceaccount/account:Account":
        email = f"{inputs['accountId']}@{inputs['project']}.iam.gserviceaccount.com"
        return {"email": email, "member": f"serviceAccount:{email}"}
    if type_ == "gcp:compute/address:Address":
        return {"address": TRACKING_ADDRESS}
    if type_ == "gcp:sql/databaseInstance:DatabaseInstance":
        return {"pscServiceAttachmentLink": ATTACHMENT}
    if type_ == "gcp:projects/serviceIdentity:ServiceIdentity":
        return {"member": f"serviceAccount:service-1@{inputs['service']}"}
    del name
    return {}


def call(token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The project's storage agent, the only thing asked for."""
    assert token == "gcp:storage/getProjectServiceAccount:getProjectServiceAccount"
    email = f"service-1@gs-project-accounts.{arguments['project']}"
    return {"emailAddress": email, "member": f"serviceAccount:{email}"}


def services(run: Run) -> Sequence[Service]:
    """The newest release as the template describes it, the stable one beside it by its traffic alone."""
    service = run.one("gcp:cloudrunv2/service:Service").inputs
    containers = {container["name"]: container for container in service["template"]["containers"]}
    container = containers[SERVICE_CONTAINER]
    port = int(container["ports"]["containerPort"])
    # Cloud Run sets PORT itself, to the port that its ingress reaches.
    env = {entry["name"]: entry["value"] for entry in container["envs"] if "value" in entry} | {"PORT": str(port)}
    return [
        Service(
            slot=target["tag"],
            image=container["image"],
            env=env,
            secrets={
                entry["name"]: entry["valueSource"]["secretKeyRef"]["secret"]
                for entry in container["envs"]
                if "valueSource" in entry
            },
            public_ports=(port,),
            startup=container["startupProbe"]["httpGet"]["path"],
            readiness=container["readinessProbe"]["httpGet"]["path"],
            liveness=container["livenessProbe"]["httpGet"]["path"],
            grace_seconds=FIXED_GRACE_SECONDS,
            min_replicas=int(service["scaling"]["minInstanceCount"]),
            max_replicas=int(service["scaling"]["maxInstanceCount"]),
            agent_image=containers[agent.CONTAINER]["image"],
            weight=int(target["percent"]),
        )
        for target in service["traffics"]
    ]


def training_variables(run: Run) -> Mapping[str, Any]:
    """Of the job's only container."""
    (container,) = run.one("gcp:cloudrunv2/job:Job").inputs["template"]["template"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["envs"]}


def excessive_rights(run: Run) -> Sequence[str]:
    """Roles beyond the list, members that are everyone, and bindings that would take others' rights away."""
    found: list[str] = []
    for resource in run.resources:
        if not resource.type.endswith(("IAMMember", "IamMember")):
            if any(word in resource.type for word in ("IAMBinding", "IamBinding", "IAMPolicy", "IamPolicy")):
                found.append(f"{resource.urn} replaces the rights of others")
            continue
        role, member = resource.inputs["role"], resource.inputs["member"]
        if role not in WORKLOAD_ROLES.get(resource.type, set()):
            found.append(f"{resource.urn} grants {role}")
        if role in FOR_ONE_RESOURCE and "resource.name == " not in str(resource.inputs.get("condition")):
            found.append(f"{resource.urn} grants {role} on everything in the project")
        if member in ("allUsers", "allAuthenticatedUsers"):
            found.append(f"{resource.urn} grants to {member}")
    return found


def data(run: Run) -> Sequence[str]:
    """Buckets, the registry, the log bucket, keys, secrets and the database."""
    return [r.urn for r in run.resources if r.custom and r.type.rpartition(":")[2] in HOLDS_DATA]
