"""The ids of Azure's resources: where a type stands, and which of its inputs are a part of its address.

The paths are those of the REST operations that the SDK's types stand for (learn.microsoft.com/rest/api, "Create Or
Update" of each type); what is in braces is named as the SDK names the input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

SUBSCRIPTION: Final = "/subscriptions/00000000-0000-4000-8000-000000000001"
_GROUP: Final = SUBSCRIPTION + "/resourceGroups/{resourceGroupName}"

_PATHS: Mapping[str, str] = {
    "app:ContainerApp": "Microsoft.App/containerApps/{containerAppName}",
    "app:Job": "Microsoft.App/jobs/{jobName}",
    "app:ManagedEnvironment": "Microsoft.App/managedEnvironments/{environmentName}",
    "authorization:ManagementLockByScope": "{scope}/providers/Microsoft.Authorization/locks/{lockName}",
    "authorization:RoleAssignment": "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
    "containerregistry:Registry": "Microsoft.ContainerRegistry/registries/{registryName}",
    "dbforpostgresql:AdministratorsMicrosoftEntra": (
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/administrators/{objectId}"
    ),
    "dbforpostgresql:Configuration": (
        "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/configurations/{configurationName}"
    ),
    "dbforpostgresql:Database": "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}/databases/{databaseName}",
    "dbforpostgresql:Server": "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}",
    "keyvault:Vault": "Microsoft.KeyVault/vaults/{vaultName}",
    "managedidentity:UserAssignedIdentity": "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}",
    "monitor:ActionGroup": "Microsoft.Insights/actionGroups/{actionGroupName}",
    "monitor:AzureMonitorWorkspace": "Microsoft.Monitor/accounts/{azureMonitorWorkspaceName}",
    "monitor:DataCollectionEndpoint": "Microsoft.Insights/dataCollectionEndpoints/{dataCollectionEndpointName}",
    "monitor:DataCollectionRule": "Microsoft.Insights/dataCollectionRules/{dataCollectionRuleName}",
    "monitor:DiagnosticSetting": "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    "monitor:MetricAlert": "Microsoft.Insights/metricAlerts/{ruleName}",
    "monitor:ScheduledQueryRule": "Microsoft.Insights/scheduledQueryRules/{ruleName}",
    "alertsmanagement:PrometheusRuleGroup": "Microsoft.AlertsManagement/prometheusRuleGroups/{ruleGroupName}",
    "network:FlowLog": "Microsoft.Network/networkWatchers/{networkWatcherName}/flowLogs/{flowLogName}",
    "network:NetworkSecurityGroup": "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}",
    "network:PrivateDnsZoneGroup": (
        "Microsoft.Network/privateEndpoints/{privateEndpointName}/privateDnsZoneGroups/{privateDnsZoneGroupName}"
    ),
    "network:PrivateEndpoint": "Microsoft.Network/privateEndpoints/{privateEndpointName}",
    "network:Subnet": "Microsoft.Network/virtualNetworks/{virtualNetworkName}/subnets/{subnetName}",
    "network:VirtualNetwork": "Microsoft.Network/virtualNetworks/{virtualNetworkName}",
    "operationalinsights:Workspace": "Microsoft.OperationalInsights/workspaces/{workspaceName}",
    "portal:Dashboard": "Microsoft.Portal/dashboards/{dashboardName}",
    "privatedns:PrivateRecordSet": (
        "Microsoft.Network/privateDnsZones/{privateZoneName}/{recordType}/{relativeRecordSetName}"
    ),
    "privatedns:PrivateZone": "Microsoft.Network/privateDnsZones/{privateZoneName}",
    "privatedns:VirtualNetworkLink": (
        "Microsoft.Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}"
    ),
    "resources:ResourceGroup": "{resourceGroupName}",
    "storage:BlobContainer": (
        "Microsoft.Storage/storageAccounts/{accountName}/blobServices/default/containers/{containerName}"
    ),
    "storage:BlobServiceProperties": "Microsoft.Storage/storageAccounts/{accountName}/blobServices/{blobServicesName}",
    "storage:StorageAccount": "Microsoft.Storage/storageAccounts/{accountName}",
}


def path(token: str) -> str:
    """The template of a type's ids. A LookupError asks for the type to be added to the table."""
    short = token.removeprefix("azure-native:")
    if short not in _PATHS:
        raise LookupError(f"{token}: where its ids lie is not known yet; add it to engine/standin/azure_ids.py")
    found = _PATHS[short]
    if found.startswith(("{scope}", "{resourceUri}")):
        return found
    return (
        SUBSCRIPTION + "/resourceGroups/" + found if found == "{resourceGroupName}" else f"{_GROUP}/providers/{found}"
    )


def address(token: str) -> list[str]:
    """The inputs that make up the id, the resource's own name last: another value is another resource."""
    return re.findall(r"\{(\w+)\}", path(token))


def resource_type(token: str) -> str:
    """The type as Azure calls it, such as ``Microsoft.App/containerApps``."""
    if token.endswith(":ResourceGroup"):
        return "Microsoft.Resources/resourceGroups"
    provider, *rest = path(token).rpartition("/providers/")[2].split("/")
    return "/".join([provider, *rest[::2]])
