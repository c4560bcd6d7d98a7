"""What the stand-in refuses, and that it refuses nothing of what our own stacks ask for."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from components.spec import Cloud, Tier
from engine.standin import check
from tests.components.contract import Variant, stacks
from tests.engine.standin.asked import asked

APP = "azure-native:app:ContainerApp"
RUN = "gcp:cloudrunv2/service:Service"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


@pytest.mark.parametrize(("preview", "variant"), [(False, "plain"), (True, "plain"), (False, "candidate")])
@pytest.mark.parametrize(("cloud", "tier"), stacks())
def test_nothing_that_a_stack_asks_for_is_refused(cloud: Cloud, tier: Tier, variant: Variant, preview: bool) -> None:
    resources = asked(cloud, tier, preview, variant)
    assert len(resources) > 10
    refused = {resource.urn: check.failures(resource.type, inputs) for resource, inputs in resources}
    assert not {urn: failures for urn, failures in refused.items() if failures}


def reasons(token: str, inputs: dict[str, Any]) -> dict[str, str]:
    """The failures by property."""
    return dict(check.failures(token, inputs))


def test_an_unknown_property_is_named_with_the_nearest_known_one() -> None:
    found = reasons("aws:ec2/vpc:Vpc", {"cidrBlok": "10.0.0.0/16"})
    assert found == {"cidrBlok": "there is no property 'cidrBlok'; did you mean cidrBlock?"}


def test_a_missing_required_property_is_named() -> None:
    assert "required property 'vpcId' is missing" in reasons("aws:ec2/subnet:Subnet", {})["vpcId"]


def test_a_nested_failure_has_its_whole_path() -> None:
    template = {"containers": [{"name": "service", "resources": {"cpu": "much"}}]}
    found = reasons(APP, {"resourceGroupName": "group", "template": template})
    assert found == {"template.containers[0].resources.cpu": "'much' is not a number"}


@pytest.mark.parametrize(
    ("token", "inputs", "path", "reason"),
    [
        ("aws:ec2/vpc:Vpc", {"cidrBlock": 10}, "cidrBlock", "10 is not a text"),
        ("aws:ec2/vpc:Vpc", {"enableDnsSupport": "true"}, "enableDnsSupport", "'true' is neither true nor false"),
        ("aws:ec2/vpc:Vpc", {"tags": {"a": 1}}, "tags.a", "1 is not a text"),
        ("aws:ec2/vpc:Vpc", {"tags": ["a"]}, "tags", "['a'] is not an object"),
        ("aws:ecs/service:Service", {"desiredCount": 1.5}, "desiredCount", "1.5 is not a whole number"),
        ("aws:ecs/service:Service", {"loadBalancers": {}}, "loadBalancers", "{} is not a list"),
        ("aws:ecs/service:Service", {"launchType": "FARGAT"}, "launchType", "not one of EC2, FARGATE, EXTERNAL"),
        (APP, {"resourceGroupName": "g", "identity": {"type": "Mine"}}, "identity.type", "not one of None, "),
        ("docker-build:index:Image", {"push": False, "network": "none!"}, "network", "not one of default, host, none"),
        ("gcp:compute/firewall:Firewall", {"network": "n", "direction": "IN"}, "direction", "one of INGRESS, EGRESS"),
        ("gcp:compute/firewall:Firewall", {"network": "n", "direction": ""}, "direction", "one of INGRESS, EGRESS"),
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    token: str, inputs: dict[str, Any], path: str, reason: str
) -> None:
    assert reason in reasons(token, inputs)[path]


def test_a_text_may_be_empty_where_the_sdk_says_so() -> None:
    assert not check.failures("gcp:compute/forwardingRule:ForwardingRule", {"loadBalancingScheme": ""})


def test_whole_numbers_may_arrive_as_floats() -> None:
    assert not check.failures("aws:ecs/service:Service", {"desiredCount": 2.0})


@pytest.mark.parametrize("anything", [UNKNOWN, {**SECRET, "value": UNKNOWN}])
def test_what_is_not_known_yet_may_stand_anywhere(anything: Any) -> None:
    inputs = {"location": anything, "template": {"containers": [anything], "scaling": anything}, "labels": anything}
    assert not check.failures(RUN, inputs)


def test_a_secret_is_checked_by_what_it_holds() -> None:
    assert not check.failures("aws:ec2/vpc:Vpc", {"cidrBlock": {**SECRET, "value": "10.0.0.0/16"}})
    assert check.failures("aws:ec2/vpc:Vpc", {"cidrBlock": {**SECRET, "value": 10}})


def test_azure_compares_without_regard_to_case_and_takes_combined_flags() -> None:
    rules = {"defaultAction": "deny", "bypass": "Logging, Metrics"}
    account = {"resourceGroupName": "g", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}, "networkRuleSet": rules}
    assert not check.failures("azure-native:storage:StorageAccount", account)


def test_values_that_azure_gives_as_examples_are_not_an_enumeration() -> None:
    rule = {"resourceGroupName": "g", "dataFlows": [{"streams": ["Custom-mine"], "destinations": ["d"]}]}
    assert not check.failures("azure-native:monitor:DataCollectionRule", rule)


def test_of_several_objects_the_one_that_was_meant_is_complained_about() -> None:
    criterion = {"criterionType": "StaticThresholdCriterion", "name": "n", "metricName": "m", "operator": "GreaterThan"}
    criteria = {
        "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
        "allOf": [{**criterion, "threshold": "high", "timeAggregation": "Average"}],
    }
    inputs: dict[str, Any] = {
        "resourceGroupName": "g",
        "enabled": True,
        "severity": 1,
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "scopes": ["s"],
        "criteria": criteria,
    }
    assert (
        reasons("azure-native:monitor:MetricAlert", inputs)["criteria.allOf[0].threshold"] == "'high' is not a number"
    )


def test_an_enumeration_that_the_sdk_takes_from_another_api_refuses_nothing() -> None:
    condition = {"query": "Heartbeat", "operator": "GreaterThan", "threshold": 0, "timeAggregation": "Coun"}
    found = reasons("azure-native:monitor:ScheduledQueryRule", {"criteria": {"allOf": [condition]}})
    assert [path for path in found if "allOf" in path] == ["criteria.allOf[0].timeAggregation"]


def test_a_token_may_carry_an_api_version() -> None:
    assert not check.failures("azure-native:resources/v20240301:ResourceGroup", {"location": "westeurope"})


@pytest.mark.parametrize("token", ["aws:ecs/service:Nothing", "aws:nothing/at:All", "nobody:index:Thing"])
def test_a_type_that_no_sdk_has_is_one_failure(token: str) -> None:
    (failure,) = check.failures(token, {})
    assert token in failure.reason
