"""The tracking store: closed, kept, opened by one identity, and in production with a standby."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from components.spec import SpecError, Tier, UnsupportedError
from tests.components.azure.conftest import Stack
from tests.components.harness import UNKNOWN, Run

BOTH: tuple[Tier, Tier] = ("dev", "prod")


def server(run: Run) -> dict[str, Any]:
    return run.one("dbforpostgresql:Server").inputs


def test_the_database_has_no_address_but_one_in_the_network(stack: Stack) -> None:
    for tier in BOTH:
        run = stack(tier)
        assert server(run)["network"] == {"publicNetworkAccess": "Disabled"}
        endpoint = run.one("network:PrivateEndpoint", "tracking-database").inputs
        assert endpoint["subnet"]["id"] == "network-id/subnets/endpoints"
        (connection,) = endpoint["privateLinkServiceConnections"]
        assert (connection["privateLinkServiceId"], connection["groupIds"]) == (
            "tracking-database-id",
            ["postgresqlServer"],
        )
        zone = run.one("privatedns:PrivateZone", "postgresql").inputs
        assert zone["privateZoneName"] == "privatelink.postgres.database.azure.com"


def test_nobody_logs_in_with_a_password_and_only_the_servers_identity_with_a_token(stack: Stack) -> None:
    for tier in BOTH:
        run = stack(tier)
        found = server(run)
        assert found["authConfig"] == {
            "activeDirectoryAuth": "Enabled",
            "passwordAuth": "Disabled",
            "tenantId": "tracking-tenant_id",
        }
        assert not [name for name in found if name.startswith("administrator")]
        administrator = run.one("dbforpostgresql:AdministratorsMicrosoftEntra").inputs
        assert administrator["objectId"] == "tracking-principal_id"
        assert administrator["principalType"] == "ServicePrincipal"
        assert administrator["principalName"] == run.outputs["trackingDatabase"].partition("//")[2].partition("@")[0]


def test_connections_are_encrypted_by_tls_1_3_whatever_the_client_wants(stack: Stack) -> None:
    for tier in BOTH:
        parameters = {
            found.inputs["configurationName"]: (found.inputs["value"], found.inputs["source"])
            for found in stack(tier).of("dbforpostgresql:Configuration")
        }
        assert parameters == {
            "require_secure_transport": ("on", "user-override"),
            "ssl_min_protocol_version": ("TLSv1.3", "user-override"),
        }


def test_the_database_is_its_administrators_and_one_change_of_the_server_waits_for_the_other(stack: Stack) -> None:
    run = stack("dev")
    order = [
        run.one("network:PrivateDnsZoneGroup", "tracking-database"),
        run.one("dbforpostgresql:AdministratorsMicrosoftEntra"),
        run.one("dbforpostgresql:Database"),
        run.one("dbforpostgresql:Configuration", "require_secure_transport"),
        run.one("dbforpostgresql:Configuration", "ssl_min_protocol_version"),
    ]
    for before, after in itertools.pairwise(order):
        assert before.urn in after.dependencies
    endpoint = run.one("network:PrivateEndpoint", "tracking-database")
    assert run.one("dbforpostgresql:Server").urn in endpoint.dependencies
    assert run.one("dbforpostgresql:Database").inputs["databaseName"] == "mlflow"


def test_development_is_the_smallest_and_production_the_smallest_with_a_standby_in_another_zone(stack: Stack) -> None:
    dev, prod = server(stack("dev")), server(stack("prod"))
    assert dev["sku"] == {"name": "Standard_B1ms", "tier": "Burstable"}
    assert dev["highAvailability"]["mode"] == "Disabled"
    assert prod["sku"] == {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}
    assert prod["highAvailability"]["mode"] == "ZoneRedundant"


def test_what_was_asked_for_is_the_size_the_beginning_and_the_way_back(stack: Stack) -> None:
    found = server(stack("prod", tracking={"machine": "Standard_E4ads_v6", "storageGb": 128, "backupDays": 35}))
    assert found["sku"] == {"name": "Standard_E4ads_v6", "tier": "MemoryOptimized"}
    assert found["storage"] == {"storageSizeGB": 128, "autoGrow": "Enabled"}
    assert found["backup"] == {"backupRetentionDays": 35, "geoRedundantBackup": "Disabled"}
    assert server(stack("dev"))["backup"]["backupRetentionDays"] == 7


def test_what_azure_changes_by_itself_is_left_as_it_is(stack: Stack) -> None:
    ignored = stack("prod").one("dbforpostgresql:Server").ignore_changes
    assert set(ignored) == {"storage.storageSizeGB", "availabilityZone", "highAvailability.standbyAvailabilityZone"}


@pytest.mark.parametrize("machine", ["db.t4g.micro", "db-custom-1-3840", "B1ms", "Standard_D2", "standard_b1ms"])
def test_a_size_that_no_server_has_here_is_refused(stack: Stack, machine: str) -> None:
    with pytest.raises(SpecError, match=rf"tracking\.machine is '{machine}'.*Standard_B2s.*remove it"):
        stack("dev", tracking={"machine": machine})


def test_a_burstable_server_is_refused_in_production_alone(stack: Stack) -> None:
    assert server(stack("dev", tracking={"machine": "Standard_B2ms"}))["sku"]["tier"] == "Burstable"
    with pytest.raises(UnsupportedError, match=r"tracking\.machine 'Standard_B2ms' in production; .*standby"):
        stack("prod", tracking={"machine": "Standard_B2ms"})


def test_server_database_and_files_are_protected_and_a_retiring_stack_has_no_lock_on_them(stack: Stack) -> None:
    for tier in BOTH:
        run = stack(tier)
        for type_, name in (
            ("dbforpostgresql:Server", ""),
            ("dbforpostgresql:Database", ""),
            ("storage:StorageAccount", "tracking-files"),
            ("storage:BlobContainer", "tracking-files"),
        ):
            assert run.one(type_, name).protect
    stack("prod", retiring="true").none("authorization:ManagementLockByScope")


def test_the_servers_own_log_goes_where_the_others_go(stack: Stack) -> None:
    for tier in BOTH:
        setting = stack(tier).one("monitor:DiagnosticSetting", "tracking-database").inputs
        assert (setting["resourceUri"], setting["workspaceId"]) == ("tracking-database-id", "telemetry-logs-id")
        assert [log["category"] for log in setting["logs"]] == ["PostgreSQLLogs"]


def test_files_stand_in_an_account_of_their_own_and_the_outputs_say_where_and_as_whom(stack: Stack) -> None:
    run = stack("prod")
    accounts = {found.inputs["accountName"] for found in run.of("storage:StorageAccount")}
    assert len(accounts) == 3
    account = run.one("storage:StorageAccount", "tracking-files").inputs["accountName"]
    assert run.outputs["trackingFiles"] == f"wasbs://tracking@{account}.blob.core.windows.net/mlflow"
    assert run.outputs["trackingIdentity"] == "tracking-id"
    assert run.outputs["trackingClientId"] == "tracking-client_id"
    host = f"{server(run)['serverName']}.postgres.database.azure.com"
    assert f"@{host}:5432/mlflow?sslmode=verify-full" in run.outputs["trackingDatabase"]


def test_a_preview_knows_what_is_asked_for_and_not_yet_where_it_will_be(stack: Stack) -> None:
    run = stack("prod", preview=True)
    assert server(run)["network"] == {"publicNetworkAccess": "Disabled"}
    assert run.one("dbforpostgresql:AdministratorsMicrosoftEntra").inputs["objectId"] is UNKNOWN
    assert run.outputs["trackingDatabase"] is UNKNOWN
