"""What Google answers. Every address has the form that Google gives it."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Mapping
from typing import Any, cast

from engine.standin import gcp_ids, sdk_types
from engine.standin.outputs.templates import TIME, Filling, Template
from engine.standin.values import UNKNOWN, is_unknown

_COMPUTE = "https://www.googleapis.com/compute/v1/"


def facts(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    """The project and region of resources that name none."""
    return {
        "project": str(configuration.get("project", "standin-project")),
        "region": str(configuration.get("region", "europe-west1")),
    }


def address(token: str) -> list[str]:
    """The parts of the resource's path."""
    return gcp_ids.address(token)


def autoname(token: str) -> str | None:
    """``name``, where the SDK does not require it; what is displayed is no physical name."""
    name = sdk_types.inputs(token).get("name")
    return "name" if name and not name.required and not token.lower().endswith("iammember") else None


def answer(token: str, args: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, Any]:
    """The service agents of a project."""
    if token == "gcp:storage/getProjectServiceAccount:getProjectServiceAccount":  # noqa: S105  a function's name
        project = str(args.get("project") or facts["project"])
        number = project_number(project)
        email = f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"
        return {"id": email, "emailAddress": email, "member": f"serviceAccount:{email}", "project": project}
    raise LookupError(f"{token}({dict(args)}): the stand-in knows no such function of Google")


def project_number(project: str) -> str:
    """The twelve digits that a project has beside its id."""
    if is_unknown(project):
        return UNKNOWN
    return str(10**11 + int(hashlib.sha256(project.encode()).hexdigest(), 16) % (9 * 10**11))


def outputs(token: str, inputs: Mapping[str, Any]) -> Mapping[str, Template]:
    """What every resource answers, and what this type does."""
    del inputs
    declared = sdk_types.outputs(token)
    own = _OUTPUTS.get(token, {})
    common: dict[str, Template] = {
        "effectiveLabels": _labels,
        "pulumiLabels": _labels,
        "effectiveAnnotations": lambda resource: resource.inputs.get("annotations", {}),
        "etag": lambda resource: _short(resource.digest(resource.inputs), 16),
        "uid": "{uuid}",
        "generation": "1",
        "observedGeneration": "1",
        "createTime": TIME,
        "updateTime": TIME,
    }
    if token.startswith("gcp:compute/"):
        common["selfLink"] = _COMPUTE + "{id}"
    if "name" in declared and "name" not in sdk_types.inputs(token):
        common["name"] = "{id}"
    before: dict[str, Template] = {"project": "{project}"} if "project" in declared else {}
    before |= {key: own[key] for key in ("version",) if key in own}
    added = {key: value for key, value in common.items() if key in declared}
    return {**before, "id": lambda resource: _id(resource, gcp_ids.path(token)), **added, **own}


def _id(resource: Filling, path: str) -> str:
    """The id; an input may give another resource by its full id where only its last part belongs."""

    def value(field: re.Match[str]) -> str:
        if field[1] not in resource.inputs and field[1] not in resource.outputs:
            return resource.filled("id", field[0])
        text = resource.text(field[1])
        return text.rpartition("/")[2] if field.start() and text.startswith("projects/") else text

    found = re.sub(r"\{(\w+)\}", value, path)
    return UNKNOWN if is_unknown(found) else found


def _labels(resource: Filling) -> Any:
    """The resource's labels; those of ``userLabels`` are another thing."""
    return resource.inputs.get("labels") or {}


def _short(digest: str, length: int) -> str:
    return digest if is_unknown(digest) else digest[:length]


def _uri(service: Filling) -> str:
    """``https://<service>-<hash>-<region>.a.run.app``; the hash belongs to the project."""
    name, location = service.text("name"), service.text("location")
    area, _, place = location.partition("-")
    project = hashlib.sha256(service.text("project").encode()).hexdigest()[:10]
    uri = f"https://{name}-{project}-{area[:1]}{place[:1]}.a.run.app"
    return UNKNOWN if is_unknown(name + location + service.text("project")) else uri


def _revision(service: Filling) -> str:
    """The full name of the newest revision; one that the template does not name is named after its content."""
    template = service.inputs.get("template")
    named = service.object("template").get("revision")
    name = named or f"{service.text('name')}-00001-{_short(service.digest(template), 3)}"
    found = f"{service.text('id')}/revisions/{name}"
    return UNKNOWN if is_unknown(found) else found


def _traffic(service: Filling) -> Any:
    """The shares as they were asked for, and the address that a tag gives."""
    if not isinstance(service.inputs.get("traffics"), list):
        return service.inputs.get("traffics") or []
    found: list[Any] = []
    for share in cast(list[Any], service.inputs["traffics"]):
        if isinstance(share, dict) and "tag" in share:
            address = service.text("uri").replace("https://", f"https://{share['tag']}---", 1)
            share = {**cast(dict[str, Any], share), "uri": UNKNOWN if is_unknown(address) else address}
        found.append(share)
    return found


def _gateway(subnetwork: Filling) -> str:
    """The first address of the range."""
    range_ = subnetwork.text("ipCidrRange")
    return UNKNOWN if is_unknown(range_) else str(next(ipaddress.ip_network(range_).hosts()))


def _agent(identity: Filling) -> str:
    """The service agent of the service in the project."""
    service = identity.text("service").partition(".")[0]
    host = {"run": "serverless-robot-prod", "sqladmin": "gcp-sa-cloud-sql"}.get(service, f"gcp-sa-{service}")
    email = f"service-{project_number(identity.text('project'))}@{host}.iam.gserviceaccount.com"
    return UNKNOWN if is_unknown(email) else email


_OUTPUTS: Mapping[str, Mapping[str, Template]] = {
    "gcp:artifactregistry/repository:Repository": {
        "name": "{repositoryId}",
        "registryUri": "{location}-docker.pkg.dev/{project}/{repositoryId}",
    },
    "gcp:cloudrunv2/service:Service": {
        "uri": _uri,
        "urls": lambda service: [service.text("uri")],
        "latestCreatedRevision": _revision,
        "latestReadyRevision": _revision,
        "trafficStatuses": _traffic,
        "reconciling": False,
    },
    "gcp:cloudrunv2/job:Job": {"reconciling": False, "executionCount": 0},
    "gcp:cloudscheduler/job:Job": {"state": "ENABLED"},
    "gcp:compute/address:Address": {"address": "10.128.0.{digits2}", "users": []},
    "gcp:compute/forwardingRule:ForwardingRule": {
        "forwardingRuleId": "{digits19}",
        "pscConnectionId": "{digits19}",
        "pscConnectionStatus": "ACCEPTED",
    },
    "gcp:compute/network:Network": {"networkId": "{digits19}", "numericId": "{digits19}", "gatewayIpv4": ""},
    "gcp:compute/subnetwork:Subnetwork": {
        "gatewayAddress": _gateway,
        "fingerprint": lambda subnetwork: _short(subnetwork.digest(subnetwork.inputs), 12),
        "state": "READY",
    },
    "gcp:dns/managedZone:ManagedZone": {"managedZoneId": "{digits19}", "creationTime": TIME},
    "gcp:logging/projectBucketConfig:ProjectBucketConfig": {"lifecycleState": "ACTIVE"},
    "gcp:logging/projectSink:ProjectSink": {
        "writerIdentity": lambda sink: (
            f"serviceAccount:service-{project_number(sink.text('project'))}@gcp-sa-logging.iam.gserviceaccount.com"
        )
    },
    "gcp:projects/serviceIdentity:ServiceIdentity": {"email": _agent, "member": "serviceAccount:{email}"},
    "gcp:secretmanager/secretVersion:SecretVersion": {"version": "{digits6}", "name": "{id}"},
    "gcp:serviceaccount/account:Account": {
        "email": "{accountId}@{project}.iam.gserviceaccount.com",
        "member": "serviceAccount:{email}",
        "uniqueId": "{digits21}",
        "name": "{id}",
    },
    "gcp:sql/database:Database": {
        "selfLink": "https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{instance}/databases/{name}"
    },
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "connectionName": "{project}:{region}:{name}",
        "selfLink": "https://sqladmin.googleapis.com/sql/v1beta4/projects/{project}/instances/{name}",
        "pscServiceAttachmentLink": (
            "projects/{digits12}/regions/{region}/serviceAttachments/a-{hex12}-psc-service-attachment-{hex16}"
        ),
        "serviceAccountEmailAddress": "p{digits12}-{hex6}@gcp-sa-cloud-sql.iam.gserviceaccount.com",
    },
    "gcp:storage/bucket:Bucket": {
        "url": "gs://{name}",
        "selfLink": "https://www.googleapis.com/storage/v1/b/{name}",
        "timeCreated": TIME,
        "updated": TIME,
        "projectNumber": lambda bucket: int(project_number(bucket.text("project"))),
    },
}
