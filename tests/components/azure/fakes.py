"""Azure's part in the contract suite: what its resources answer, and how to read its stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.azure.access import Role
from tests.components.contract import Service
from tests.components.harness import UNKNOWN, Run

# What each identity may be given, and on what; anything else is wider than its use.
_RIGHTS = {
    ("compute-platform-principal_id", Role.ACR_PULL.value, "registry-id"),
    ("compute-platform-principal_id", Role.KEY_VAULT_SECRETS_USER.value, "compute-vault-id"),
    ("compute-principal_id", Role.MONITORING_METRICS_PUBLISHER.value, "telemetry-id"),
    ("training-platform-principal_id", Role.ACR_PULL.value, "registry-id"),
    ("training-platform-principal_id", Role.KEY_VAULT_SECRETS_USER.value, "compute-vault-id"),
    ("training-principal_id", Role.STORAGE_BLOB_DATA_CONTRIBUTOR.value, "training-artifacts-id"),
    ("tracking-principal_id", Role.STORAGE_BLOB_DATA_CONTRIBUTOR.value, "tracking-files-id"),
}
_DATA = (
    "containerregistry:Registry",
    "dbforpostgresql:Database",
    "dbforpostgresql:Server",
    "keyvault:Vault",
    "monitor:AzureMonitorWorkspace",
    "operationalinsights:Workspace",
    "storage:BlobContainer",
    "storage:StorageAccount",
)


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What Azure answers beyond texts, and names, which are what was asked for."""
    del name
    named = next((value for key, value in inputs.items() if key.endswith("Name") and key in _NAMES), None)
    own = {"name": named} if named else {}
    match type_.removeprefix("azure-native:"):
        case "monitor:DataCollectionEndpoint":
            return own | {"metricsIngestion": {"endpoint": "https://metrics.example.org"}}
        case "monitor:AzureMonitorWorkspace":
            return own | {"metrics": {"internalId": "id", "prometheusQueryEndpoint": "https://query.example.org"}}
        case "app:ContainerApp" | "app:Job":
            # Asked for as a list, answered as a mapping (pulumi/pulumi-azure-native#2525).
            identities = {identity: {} for identity in map(str, inputs["identity"]["userAssignedIdentities"])}
            return own | {"identity": {**inputs["identity"], "userAssignedIdentities": identities}}
        case "dbforpostgresql:Server":
            return own | {"fullyQualifiedDomainName": f"{inputs['serverName']}.postgres.database.azure.com"}
        case "app:ManagedEnvironment":
            return own | {"defaultDomain": "green.westeurope.azurecontainerapps.io", "staticIp": "10.20.0.4"}
        case _:
            return own


_NAMES = {
    *("containerAppName", "accountName", "vaultName", "registryName", "privateZoneName", "privateEndpointName"),
    *("resourceName", "serverName"),
}


def call(token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """No component asks Azure anything."""
    raise AssertionError(f"{token}({arguments}) was called")


def services(run: Run) -> Sequence[Service]:
    """The releases that run: the template is the newest one's, the others are known by name."""
    app = run.one("app:ContainerApp").inputs
    template, configuration = app["template"], app["configuration"]
    service, agent = template["containers"]
    probes = {probe["type"]: probe["httpGet"]["path"] for probe in service["probes"]}
    env = {entry["name"]: entry["value"] for entry in service["env"] if "value" in entry}
    secrets = {entry["name"]: entry["secretRef"] for entry in service["env"] if "secretRef" in entry}
    ingress = configuration["ingress"]
    return [
        Service(
            slot=share["label"],
            image=service["image"] if share.get("latestRevision") else "an older revision@sha256:" + "a" * 64,
            env=env,
            secrets=secrets,
            public_ports=(
                ingress["targetPort"],
                *(mapping["targetPort"] for mapping in ingress.get("additionalPortMappings", [])),
            ),
            startup=probes["Startup"],
            readiness=probes["Readiness"],
            liveness=probes["Liveness"],
            grace_seconds=template["terminationGracePeriodSeconds"],
            min_replicas=template["scale"]["minReplicas"],
            max_replicas=template["scale"]["maxReplicas"],
            agent_image=agent["image"],
            weight=share["weight"],
        )
        for share in ingress["traffic"]
    ]


def training_variables(run: Run) -> Mapping[str, Any]:
    """Of the job's only container."""
    (container,) = run.one("app:Job").inputs["template"]["containers"]
    return {entry["name"]: entry["value"] for entry in container["env"]}


def excessive_rights(run: Run) -> Sequence[str]:
    """Roles that an identity does not need, or not on so much; and who administers a database beside its own user."""
    found: list[str] = []
    for assignment in run.of("authorization:RoleAssignment"):
        definition = assignment.inputs["roleDefinitionId"]
        if definition is UNKNOWN:
            continue
        role, scope = definition.rpartition("/")[2], assignment.inputs["scope"]
        if (assignment.inputs["principalId"], role, scope) not in _RIGHTS:
            found.append(f"{assignment.name} gives {role} on {scope}")
    for administrator in run.of("dbforpostgresql:AdministratorsMicrosoftEntra"):
        if administrator.inputs["objectId"] not in ("tracking-principal_id", UNKNOWN):
            found.append(f"{administrator.name} administers {administrator.inputs['serverName']}")
    return found


def data(run: Run) -> Sequence[str]:
    """Registry, vault, workspaces, databases and everything in storage."""
    return [resource.urn for resource in run.resources if resource.type.removeprefix("azure-native:") in _DATA]
