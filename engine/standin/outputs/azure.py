"""What Azure answers. Every name under which something is reached has Azure's own form."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, cast

from engine.standin import azure_ids, sdk_types
from engine.standin.outputs.templates import TIME, Filling, Template
from engine.standin.values import UNKNOWN, is_unknown

TENANT: Final = "00000000-0000-4000-8000-000000000002"


def facts(configuration: Mapping[str, Any]) -> Mapping[str, str]:
    """The tenant, and where a resource without a location of its own lies."""
    return {"tenantId": TENANT, "location": str(configuration.get("location", "westeurope"))}


def address(token: str) -> list[str]:
    """The parts of the resource's path."""
    return azure_ids.address(token)


def autoname(token: str) -> str | None:
    """The resource's own name, where the SDK does not require it (an id's last part)."""
    own = azure_ids.address(token)[-1]
    declared = sdk_types.inputs(token).get(own)
    return own if declared and not declared.required else None


def answer(token: str, args: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, Any]:
    """Nothing is asked."""
    del facts
    raise LookupError(f"{token}({dict(args)}): the stand-in knows no such function of Azure")


def outputs(token: str, inputs: Mapping[str, Any]) -> Mapping[str, Template]:
    """What every resource answers, and what this type does."""
    del inputs
    declared = sdk_types.outputs(token)
    common: dict[str, Template] = {
        "id": azure_ids.path(token),
        "name": "{" + azure_ids.address(token)[-1] + "}",
        "type": _type(token),
        "azureApiVersion": _api_version(token),
        "provisioningState": "Succeeded",
        "etag": lambda resource: _short(resource.digest(resource.inputs)),
        "systemData": {"createdAt": TIME, "createdByType": "User"},
        "location": "{location}",
        "resourceGuid": "{uuid}",
    }
    return {**{key: value for key, value in common.items() if key in ("id", *declared)}, **_OUTPUTS.get(token, {})}


def _type(token: str) -> str:
    """The type as Azure calls it."""
    return azure_ids.resource_type(token)


def _api_version(token: str) -> str:
    """The API version that the SDK's documentation says its type uses."""
    found = re.search(r"Azure REST API version ([\w-]+)", sdk_types.documentation(token))
    return found[1] if found else ""


def _short(digest: str) -> str:
    return digest if is_unknown(digest) else digest[:16]


def _identity(resource: Filling) -> Any:
    """Identities are asked for as a list, and answered as a mapping (pulumi/pulumi-azure-native#2525)."""
    if not isinstance(resource.inputs.get("identity"), dict):
        return resource.inputs.get("identity")
    identity = resource.object("identity")
    assigned = identity.get("userAssignedIdentities")
    if not isinstance(assigned, list):
        return identity
    names = cast(list[str], assigned)
    if any(map(is_unknown, names)):
        return {**identity, "userAssignedIdentities": UNKNOWN}
    made_up = {
        name: {"principalId": _uuid_of(name, "principal"), "clientId": _uuid_of(name, "client")} for name in names
    }
    return {**identity, "userAssignedIdentities": made_up}


def _uuid_of(resource_id: str, purpose: str) -> str:
    """An id that everyone who knows the resource derives alike."""
    digits = hashlib.sha256(f"{resource_id.lower()} {purpose}".encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _domain(environment_id: str) -> str:
    """The domain of an environment of Container Apps; an app knows it by its environment's id alone."""
    if is_unknown(environment_id):
        return UNKNOWN
    return f"standin-{hashlib.sha256(environment_id.lower().encode()).hexdigest()[:8]}.azurecontainerapps.io"


def _revision(app: Filling) -> str:
    """``<app>--<suffix>``; without a suffix the template's content gives one."""
    template = app.object("template") or app.inputs.get("template")
    suffix = template.get("revisionSuffix") if isinstance(template, dict) else None
    suffix = suffix or _short(app.digest(template))
    name = f"{app.text('containerAppName')}--{suffix}"
    return UNKNOWN if is_unknown(name) else name


def _app_domain(app: Filling) -> str:
    """What stands behind the app's name in its address: an app with internal ingress is not below the domain itself."""
    environment = app.inputs.get("managedEnvironmentId") or app.inputs.get("environmentId") or ""
    internal = app.object("configuration", "ingress").get("external") is False
    return ("internal." if internal else "") + _domain(str(environment))


def _app_configuration(app: Filling) -> Any:
    """As it was asked for, and the address; secrets come back as names alone."""
    given = app.inputs.get("configuration")
    if not isinstance(given, dict):
        return given
    configuration = dict(cast(dict[str, Any], given))
    if isinstance(configuration.get("secrets"), list):
        known = {"name", "identity", "keyVaultUrl"}
        configuration["secrets"] = [
            {key: value for key, value in secret.items() if key in known} if isinstance(secret, dict) else secret
            for secret in cast(list[Any], configuration["secrets"])
        ]
    if isinstance(configuration.get("ingress"), dict):
        fqdn = f"{app.text('containerAppName')}.{_app_domain(app)}"
        configuration["ingress"] = configuration["ingress"] | {"fqdn": UNKNOWN if is_unknown(fqdn) else fqdn}
    return configuration


def _revision_fqdn(app: Filling) -> str:
    fqdn = f"{_revision(app)}.{_app_domain(app)}"
    return UNKNOWN if is_unknown(fqdn) else fqdn


def _vault_properties(vault: Filling) -> Any:
    given = vault.inputs.get("properties")
    address = f"https://{vault.text('vaultName')}.vault.azure.net/"
    added = {"vaultUri": UNKNOWN if is_unknown(address) else address, "provisioningState": "Succeeded"}
    return {**cast(dict[str, Any], given), **added} if isinstance(given, dict) else given


def _subnets(network: Filling) -> Any:
    """Subnets given inside of their network, each with its id."""
    given = network.inputs.get("subnets")
    if not isinstance(given, list):
        return given
    parent = network.text("id")
    found: list[Any] = []
    for subnet in cast(list[Any], given):
        id_ = f"{parent}/subnets/{subnet['name']}" if isinstance(subnet, dict) else UNKNOWN
        found.append({**subnet, "id": UNKNOWN if is_unknown(id_) else id_} if isinstance(subnet, dict) else subnet)
    return found


_STORAGE_HOSTS: dict[str, Template] = {
    service: f"https://{{accountName}}.{service}.core.windows.net/"
    for service in ("blob", "dfs", "file", "queue", "table")
}
_OUTPUTS: Mapping[str, Mapping[str, Template]] = {
    "azure-native:app:ContainerApp": {
        "identity": _identity,
        "configuration": _app_configuration,
        "latestRevisionName": _revision,
        "latestReadyRevisionName": _revision,
        "latestRevisionFqdn": _revision_fqdn,
        "customDomainVerificationId": "{hex64}",
        "eventStreamEndpoint": "https://{location}.azurecontainerapps.dev{id}/eventstream",
        "outboundIpAddresses": ["203.0.113.10"],
        "runningStatus": "Running",
        "deploymentErrors": "",
    },
    "azure-native:app:Job": {
        "identity": _identity,
        "eventStreamEndpoint": "https://{location}.azurecontainerapps.dev{id}/eventstream",
        "outboundIpAddresses": ["203.0.113.10"],
        "runningState": "Ready",
    },
    "azure-native:app:ManagedEnvironment": {
        "defaultDomain": lambda environment: _domain(environment.text("id")),
        "staticIp": "10.0.0.4",
        "deploymentErrors": "",
    },
    "azure-native:authorization:RoleAssignment": {"createdOn": TIME, "updatedOn": TIME},
    "azure-native:containerregistry:Registry": {
        "loginServer": "{registryName}.azurecr.io",
        "creationDate": TIME,
        "identity": _identity,
    },
    "azure-native:dbforpostgresql:Server": {
        "fullyQualifiedDomainName": "{serverName}.postgres.database.azure.com",
        "state": "Ready",
        "minorVersion": "6",
    },
    "azure-native:keyvault:Vault": {"properties": _vault_properties},
    "azure-native:managedidentity:UserAssignedIdentity": {
        "clientId": lambda identity: _uuid_of(identity.text("id"), "client"),
        "principalId": lambda identity: _uuid_of(identity.text("id"), "principal"),
        "tenantId": TENANT,
    },
    "azure-native:monitor:AzureMonitorWorkspace": {
        "accountId": "{uuid}",
        "metrics": {
            "internalId": "mac_{uuid}",
            "prometheusQueryEndpoint": "https://{azureMonitorWorkspaceName}-{hex4}.{location}.prometheus.monitor.azure.com",
        },
    },
    "azure-native:monitor:DataCollectionEndpoint": {
        "immutableId": "dce-{hex32}",
        "metricsIngestion": {
            "endpoint": "https://{dataCollectionEndpointName}-{hex4}.{location}-1.metrics.ingest.monitor.azure.com"
        },
        "logsIngestion": {
            "endpoint": "https://{dataCollectionEndpointName}-{hex4}.{location}-1.ingest.monitor.azure.com"
        },
        "configurationAccess": {
            "endpoint": "https://{dataCollectionEndpointName}-{hex4}.{location}-1.handler.control.monitor.azure.com"
        },
    },
    "azure-native:monitor:DataCollectionRule": {"immutableId": "dcr-{hex32}"},
    "azure-native:network:VirtualNetwork": {"subnets": _subnets},
    "azure-native:operationalinsights:Workspace": {"customerId": "{uuid}", "createdDate": TIME, "modifiedDate": TIME},
    "azure-native:privatedns:PrivateRecordSet": {"fqdn": "{relativeRecordSetName}.{privateZoneName}."},
    "azure-native:resources:ResourceGroup": {"properties": {"provisioningState": "Succeeded"}},
    "azure-native:storage:BlobContainer": {"lastModifiedTime": TIME, "leaseState": "Available"},
    "azure-native:storage:StorageAccount": {
        "primaryEndpoints": _STORAGE_HOSTS,
        "primaryLocation": "{location}",
        "statusOfPrimary": "available",
        "creationTime": TIME,
    },
}
