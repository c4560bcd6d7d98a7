"""The network is closed but for what Container Apps asks for."""

from __future__ import annotations

from typing import Any

from components.spec import Tier
from tests.components.azure.conftest import Stack
from tests.components.harness import Run


def rules(run: Run, part: str, direction: str) -> list[dict[str, Any]]:
    found = run.one("network:NetworkSecurityGroup", part).inputs["securityRules"]
    return sorted((rule for rule in found if rule["direction"] == direction), key=lambda rule: rule["priority"])


def subnets(run: Run) -> dict[str, dict[str, Any]]:
    return {subnet["name"]: subnet for subnet in run.one("network:VirtualNetwork").inputs["subnets"]}


def test_the_workloads_subnet_is_large_enough_and_given_to_container_apps(stack: Stack) -> None:
    workload = subnets(stack("dev"))["workload"]
    assert workload["addressPrefix"] == "10.20.0.0/23"
    assert workload["delegations"] == [{"name": "environment", "serviceName": "Microsoft.App/environments"}]


def test_both_subnets_have_a_boundary_that_holds_for_private_endpoints_too(stack: Stack) -> None:
    found = subnets(stack("prod"))
    groups = {name: subnet["networkSecurityGroup"]["id"] for name, subnet in found.items()}
    assert groups == {"workload": "network-workload-id", "endpoints": "network-endpoints-id"}
    assert found["endpoints"]["privateEndpointNetworkPolicies"] == "NetworkSecurityGroupEnabled"
    assert found["endpoints"]["defaultOutboundAccess"] is False


def test_nothing_is_let_in_from_the_internet(stack: Stack) -> None:
    for tier in ("dev", "prod"):
        run = stack(tier)
        for part in ("workload", "endpoints"):
            inbound = rules(run, part, "Inbound")
            allowed = {rule["sourceAddressPrefix"] for rule in inbound if rule["access"] == "Allow"}
            assert allowed
            assert not allowed & {"*", "0.0.0.0/0", "Internet"}
            last = inbound[-1]
            assert (last["access"], last["sourceAddressPrefix"], last["destinationPortRange"]) == ("Deny", "*", "*")


def test_only_the_workload_reaches_the_data(stack: Stack) -> None:
    *allowed, deny = rules(stack("prod"), "endpoints", "Inbound")
    assert {rule["sourceAddressPrefix"] for rule in allowed} == {"10.30.0.0/23"}
    assert [rule["destinationPortRange"] for rule in allowed] == ["443", "5432"]
    assert deny["access"] == "Deny"


def test_a_databases_port_is_opened_only_where_there_is_one_and_only_to_the_endpoints(stack: Stack) -> None:
    ranges: dict[Tier, str] = {"dev": "10.20.2.0/27", "prod": "10.30.2.0/27"}
    for tier, endpoints in ranges.items():
        for run, wanted in ((stack(tier), [endpoints]), (stack(tier, variant="bare"), [])):
            for part, direction in (("workload", "Outbound"), ("endpoints", "Inbound")):
                opened = [rule for rule in rules(run, part, direction) if rule.get("destinationPortRange") == "5432"]
                assert [rule["destinationAddressPrefix"] for rule in opened] == wanted


def test_a_network_has_one_zone_for_each_service_and_every_endpoint_its_record_in_it(stack: Stack) -> None:
    run = stack("prod")
    names = [zone.inputs["privateZoneName"] for zone in run.of("privatedns:PrivateZone")]
    assert len(names) == len(set(names))
    found = {
        group.name: group.inputs["privateDnsZoneConfigs"][0]["privateDnsZoneId"]
        for group in run.of("network:PrivateDnsZoneGroup")
    }
    assert found == {
        "registry": "registry-zone-id",
        "compute-vault": "vault-zone-id",
        "training-artifacts": "blob-zone-id",
        "tracking-files": "blob-zone-id",
        "tracking-database": "postgresqlServer-zone-id",
    }


def test_a_zone_that_an_endpoint_had_for_itself_is_kept(stack: Stack) -> None:
    run = stack("prod")
    for type_ in ("privatedns:PrivateZone", "privatedns:VirtualNetworkLink"):
        (alias,) = run.one(type_, "blob").aliases
        parent = run.component_outputs.keys() & {a.urn for a in run.ancestors(run.one("PrivateEndpoint", "artifacts"))}
        assert 'name: "training-artifacts"' in alias
        assert [urn for urn in parent if f'parentUrn: "{urn}"' in alias and urn.endswith("::training-artifacts")]


def test_production_leaves_only_for_named_services_and_development_for_anything(stack: Stack) -> None:
    prod = rules(stack("prod"), "workload", "Outbound")
    assert prod[-1]["access"] == "Deny"
    services = {rule["destinationAddressPrefix"] for rule in prod}
    assert services >= {"AzureContainerRegistry", "AzureActiveDirectory", "AzureMonitor", "Storage.westeurope"}
    assert {rule["access"] for rule in rules(stack("dev"), "workload", "Outbound")} == {"Allow"}


def test_no_two_rules_of_a_direction_share_a_priority_or_a_name(stack: Stack) -> None:
    run = stack("prod")
    for part in ("workload", "endpoints"):
        for direction in ("Inbound", "Outbound"):
            found = rules(run, part, direction)
            assert len({rule["priority"] for rule in found}) == len(found)
            assert len({rule["name"] for rule in found}) == len(found)


def test_production_records_its_flows_and_keeps_them(stack: Stack) -> None:
    run = stack("prod")
    log = run.one("network:FlowLog").inputs
    assert log["targetResourceId"] == "network-id"
    assert log["retentionPolicy"] == {"enabled": True, "days": 90}
    assert (log["resourceGroupName"], log["networkWatcherName"]) == ("NetworkWatcherRG", "NetworkWatcher_westeurope")
    account = run.one("storage:StorageAccount", "flows")
    assert account.protect
    assert account.inputs["networkRuleSet"]["defaultAction"] == "Deny"
    stack("dev").none("network:FlowLog")


def test_a_private_service_has_no_address_but_the_networks_and_its_names_lead_there(stack: Stack) -> None:
    run = stack("prod")
    host = run.one("app:ManagedEnvironment").inputs
    assert host["vnetConfiguration"] == {"infrastructureSubnetId": "network-id/subnets/workload", "internal": True}
    assert host["publicNetworkAccess"] == "Disabled"
    record = run.one("privatedns:PrivateRecordSet").inputs
    assert (record["privateZoneName"], record["relativeRecordSetName"]) == (
        "green.westeurope.azurecontainerapps.io",
        "*",
    )
    assert record["aRecords"] == [{"ipv4Address": "10.20.0.4"}]


def test_a_public_service_has_an_address_and_the_user_is_told(stack: Stack) -> None:
    run = stack("dev")
    assert run.one("app:ManagedEnvironment").inputs["vnetConfiguration"]["internal"] is False
    run.none("privatedns:PrivateRecordSet")
    assert [message for message in run.messages if "public without authentication" in message]
