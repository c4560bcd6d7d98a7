"""Registry, vault, workspaces and artifacts: closed, kept, and in production redundant."""

from __future__ import annotations

from tests.components.azure.conftest import Stack


def test_the_registry_has_no_admin_user_and_no_anonymous_pull(stack: Stack) -> None:
    for tier in ("dev", "prod"):
        registry = stack(tier).one("containerregistry:Registry").inputs
        assert registry["adminUserEnabled"] is False
        assert registry["anonymousPullEnabled"] is False
        # Azure's retention deletes untagged manifests: every image that is pushed by digest.
        assert "policies" not in registry


def test_productions_registry_is_zone_redundant_and_private(stack: Stack) -> None:
    run = stack("prod")
    registry = run.one("containerregistry:Registry").inputs
    assert (registry["sku"]["name"], registry["zoneRedundancy"]) == ("Premium", "Enabled")
    assert registry["publicNetworkAccess"] == "Disabled"
    endpoint = run.one("network:PrivateEndpoint", "registry").inputs
    assert endpoint["privateLinkServiceConnections"][0]["groupIds"] == ["registry"]
    assert run.one("privatedns:PrivateZone", "registry").inputs["privateZoneName"] == "privatelink.azurecr.io"


def test_developments_registry_is_the_cheapest_and_reached_by_login(stack: Stack) -> None:
    registry = stack("dev").one("containerregistry:Registry").inputs
    assert registry["sku"]["name"] == "Basic"
    assert "networkRuleSet" not in registry


def test_the_vault_is_opened_by_roles_alone(stack: Stack) -> None:
    for tier in ("dev", "prod"):
        vault = stack(tier).one("keyvault:Vault").inputs["properties"]
        assert vault["enableRbacAuthorization"] is True
        assert "accessPolicies" not in vault


def test_productions_vault_is_private_and_cannot_be_purged(stack: Stack) -> None:
    run = stack("prod")
    vault = run.one("keyvault:Vault").inputs["properties"]
    assert vault["publicNetworkAccess"] == "Disabled"
    assert vault["networkAcls"]["defaultAction"] == "Deny"
    assert (vault["enablePurgeProtection"], vault["softDeleteRetentionInDays"]) == (True, 90)
    assert run.one("network:PrivateEndpoint", "vault").inputs["privateLinkServiceConnections"][0]["groupIds"] == [
        "vault"
    ]
    assert "enablePurgeProtection" not in stack("dev").one("keyvault:Vault").inputs["properties"]


def test_artifacts_are_private_encrypted_in_transit_and_versioned(stack: Stack) -> None:
    for tier in ("dev", "prod"):
        run = stack(tier)
        for name in ("training-artifacts", "tracking-files"):
            account = run.one("storage:StorageAccount", name).inputs
            assert account["allowBlobPublicAccess"] is False
            assert account["allowSharedKeyAccess"] is False
            assert account["enableHttpsTrafficOnly"] is True
            assert account["minimumTlsVersion"] == "TLS1_2"
            assert account["networkRuleSet"]["defaultAction"] == "Deny"
            blobs = run.one("storage:BlobServiceProperties", name).inputs
            assert blobs["isVersioningEnabled"] is True
            assert blobs["deleteRetentionPolicy"]["enabled"] is True
            assert run.one("storage:BlobContainer", name).inputs["publicAccess"] == "None"


def test_productions_artifacts_are_zone_redundant_and_unchangeable_for_a_month(stack: Stack) -> None:
    account = stack("prod").one("storage:StorageAccount", "artifacts").inputs
    assert account["sku"]["name"] == "Standard_ZRS"
    assert account["publicNetworkAccess"] == "Disabled"
    assert account["immutableStorageWithVersioning"]["enabled"] is True
    policy = account["immutableStorageWithVersioning"]["immutabilityPolicy"]
    assert (policy["immutabilityPeriodSinceCreationInDays"], policy["state"]) == (30, "Unlocked")
    dev = stack("dev").one("storage:StorageAccount", "artifacts").inputs
    assert dev["sku"]["name"] == "Standard_LRS"
    assert "immutableStorageWithVersioning" not in dev


def test_allowed_ranges_and_nobody_else_reach_productions_data_from_outside(stack: Stack) -> None:
    run = stack("prod", azure={"allowedRanges": ["20.1.2.0/24"]})
    registry = run.one("containerregistry:Registry").inputs
    vault = run.one("keyvault:Vault").inputs["properties"]
    account = run.one("storage:StorageAccount", "artifacts").inputs
    for found, rules in ((registry, "networkRuleSet"), (vault, "networkAcls"), (account, "networkRuleSet")):
        assert found["publicNetworkAccess"] == "Enabled"
        assert found[rules]["defaultAction"] == "Deny"
        assert len(found[rules]["ipRules"]) == 1
        assert "20.1.2.0/24" in found[rules]["ipRules"][0].values()


def test_logs_are_kept_as_long_as_asked_and_read_by_identity_alone(stack: Stack) -> None:
    workspace = stack("prod").one("operationalinsights:Workspace").inputs
    assert workspace["retentionInDays"] == 90
    assert workspace["features"]["disableLocalAuth"] is True


def test_containers_log_to_the_workspace_without_its_key(stack: Stack) -> None:
    run = stack("dev")
    assert run.one("app:ManagedEnvironment").inputs["appLogsConfiguration"] == {"destination": "azure-monitor"}
    setting = run.one("monitor:DiagnosticSetting", "compute-logs").inputs
    assert (setting["resourceUri"], setting["workspaceId"]) == ("compute-id", "telemetry-logs-id")
    assert [log["category"] for log in setting["logs"]] == ["ContainerAppConsoleLogs", "ContainerAppSystemLogs"]


def test_production_audits_registry_vault_and_all_that_is_stored(stack: Stack) -> None:
    audited = {found.inputs["resourceUri"] for found in stack("prod").of("monitor:DiagnosticSetting")}
    stored = {"training-artifacts-id", "tracking-files-id", "tracking-database-id"}
    assert audited == {"compute-id", "registry-id", "compute-vault-id", *stored}


def test_agents_write_through_the_collection_rule(stack: Stack) -> None:
    run = stack("dev")
    rule = run.one("monitor:DataCollectionRule").inputs
    assert rule["dataCollectionEndpointId"] == "telemetry-id"
    assert rule["dataFlows"] == [{"streams": ["Microsoft-PrometheusMetrics"], "destinations": ["metrics"]}]
    assert rule["destinations"]["monitoringAccounts"][0]["accountResourceId"] == "telemetry-metrics-id"
    telemetry = run.component_outputs[run.one("mlplatform:azure:Telemetry").urn]
    assert telemetry["remoteWriteUrl"] == (
        "https://metrics.example.org/dataCollectionRules/telemetry-immutable_id"
        "/streams/Microsoft-PrometheusMetrics/api/v1/write?api-version=2023-04-24"
    )
