"""How far a change reaches: each changed setting touches the resources named here, and no other."""

from __future__ import annotations

import pytest

from tests.components.contract import CANDIDATE
from tests.engine.conftest import Deploy
from tests.engine.driver import Deployment

pytestmark = pytest.mark.engine

NEW_MODEL = "iris@fedcba9876543210"


@pytest.fixture(scope="module", params=("azure-dev", "aws-dev", "gcp-dev"))
def development(request: pytest.FixtureRequest, deployment: Deploy) -> Deployment:
    """A development stack that is up."""
    return deployed(deployment, request.param)


@pytest.fixture(scope="module", params=("azure-prod", "aws-prod", "gcp-prod"))
def production(request: pytest.FixtureRequest, deployment: Deploy) -> Deployment:
    """A production stack that is up, without a candidate."""
    return deployed(deployment, request.param)


def deployed(deployment: Deploy, stack: str) -> Deployment:
    """The stack after its first update."""
    made = deployment(stack)
    first = made.up()
    assert first.succeeded, first.output
    return made


def touched(stack: Deployment) -> set[str]:
    """What an update touches, as ``op type name``; afterwards state and cloud agree."""
    outcome = stack.up()
    assert outcome.succeeded, outcome.output
    stack.assert_agreement()
    return {" ".join(step) for step in outcome.touched}


def steps(listing: str) -> set[str]:
    """The lines of a listing."""
    return {line.strip() for line in listing.strip().splitlines()}


# The rules know which release should serve.
RELEASE = {
    "azure-dev": """
        update docker-build:index:Image image
        update azure-native:app:ContainerApp compute
        update azure-native:alertsmanagement:PrometheusRuleGroup monitoring-rules-2
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
    "aws-dev": """
        update docker-build:index:Image image
        replace aws:ecs/taskDefinition:TaskDefinition compute-stable
        update aws:ecs/service:Service compute-stable
        update aws:amp/ruleGroupNamespace:RuleGroupNamespace monitoring
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
    # The side-car is told which revision is which release.
    "gcp-dev": """
        update docker-build:index:Image image
        replace gcp:secretmanager/secretVersion:SecretVersion compute-agent
        update gcp:cloudrunv2/service:Service compute
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-WrongRelease
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
}
# A revision of Azure holds its number of replicas; elsewhere it belongs to the service.
REPLICAS = {
    "azure-dev": """
        update azure-native:app:ContainerApp compute
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
    "aws-dev": "update aws:appautoscaling/target:Target compute-stable-scaling",
    "gcp-dev": "update gcp:cloudrunv2/service:Service compute",
}
# Where the alerts stand whose threshold moves; Azure and AWS keep several in one resource.
OBJECTIVE = {
    "azure-dev": "update azure-native:alertsmanagement:PrometheusRuleGroup monitoring-rules-2",
    "aws-dev": "update aws:amp/ruleGroupNamespace:RuleGroupNamespace monitoring",
    "gcp-dev": """
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-FeatureDrift
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-PredictionDrift
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-QualityBudgetBurn
    """,
}
# The service counts by the bound that the alerts ask for, so another bound is another revision.
BOUND = {
    "azure-dev": """
        update azure-native:alertsmanagement:PrometheusRuleGroup monitoring-rules-0
        update azure-native:alertsmanagement:PrometheusRuleGroup monitoring-rules-1
        update azure-native:app:ContainerApp compute
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
    "aws-dev": """
        update aws:amp/ruleGroupNamespace:RuleGroupNamespace monitoring
        replace aws:ecs/taskDefinition:TaskDefinition compute-stable
        update aws:ecs/service:Service compute-stable
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
    "gcp-dev": """
        replace gcp:secretmanager/secretVersion:SecretVersion compute-agent
        update gcp:cloudrunv2/service:Service compute
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-LatencyBudgetBurnFast
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-LatencyBudgetBurnSlow
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-LatencyHigh
        update pulumi-python:dynamic/mlplatform:ReleaseCheck verification-stable
    """,
}
# By type: on AWS a network cannot take another range, so all of it is made anew beside the old one.
ADDRESSES = {
    "azure-dev": """
        azure-native:network:NetworkSecurityGroup
        azure-native:network:VirtualNetwork
    """,
    "aws-dev": """
        aws:appautoscaling/policy:Policy
        aws:cloudwatch/dashboard:Dashboard
        aws:cloudwatch/metricAlarm:MetricAlarm
        aws:ec2/defaultSecurityGroup:DefaultSecurityGroup
        aws:ec2/internetGateway:InternetGateway
        aws:ec2/route:Route
        aws:ec2/routeTable:RouteTable
        aws:ec2/routeTableAssociation:RouteTableAssociation
        aws:ec2/securityGroup:SecurityGroup
        aws:ec2/subnet:Subnet
        aws:ec2/vpc:Vpc
        aws:ec2/vpcEndpoint:VpcEndpoint
        aws:ecs/service:Service
        aws:lb/listener:Listener
        aws:lb/loadBalancer:LoadBalancer
        aws:lb/targetGroup:TargetGroup
        aws:rds/instance:Instance
        aws:rds/subnetGroup:SubnetGroup
        aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule
        aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule
        pulumi-python:dynamic/mlplatform:ReleaseCheck
    """,
    "gcp-dev": """
        gcp:cloudrunv2/job:Job
        gcp:cloudrunv2/service:Service
        gcp:compute/address:Address
        gcp:compute/firewall:Firewall
        gcp:compute/forwardingRule:ForwardingRule
        gcp:compute/subnetwork:Subnetwork
        gcp:secretmanager/secretVersion:SecretVersion
        pulumi-python:dynamic/mlplatform:ReleaseCheck
    """,
}


def test_a_new_model_reaches_the_image_the_revision_and_what_knows_it(development: Deployment) -> None:
    development.configure({"model": NEW_MODEL})
    assert touched(development) == steps(RELEASE[development.stack])


def test_another_number_of_replicas_reaches_the_service_alone(development: Deployment) -> None:
    development.configure({"service.maxReplicas": 3})
    assert touched(development) == steps(REPLICAS[development.stack])


def test_another_threshold_reaches_its_alerts_alone(development: Deployment) -> None:
    development.configure({"monitoring.slo.quality.psiLimit": 0.3})
    assert touched(development) == steps(OBJECTIVE[development.stack])


def test_another_bound_of_the_latency_objective_reaches_its_alerts_and_the_service(development: Deployment) -> None:
    development.configure({"monitoring.slo.latency.thresholdSeconds": 0.2})
    assert touched(development) == steps(BOUND[development.stack])


def test_another_range_of_addresses_reaches_the_network_and_what_stands_in_it_and_no_data(
    development: Deployment,
) -> None:
    kept = {resource["urn"]: resource["id"] for resource in development.known if resource.get("protect")}
    development.configure({"network.cidr": "10.90.0.0/16"})
    assert {step.split()[1] for step in touched(development)} == steps(ADDRESSES[development.stack])
    assert kept
    assert kept.items() <= {resource["urn"]: resource["id"] for resource in development.known}.items()


CANDIDATES = {
    "azure-prod": """
        update azure-native:alertsmanagement:PrometheusRuleGroup monitoring-rules-2
        update azure-native:app:ContainerApp compute
        create pulumi-python:dynamic/mlplatform:ReleaseCheck verification-candidate
    """,
    "aws-prod": """
        create aws:appautoscaling/policy:Policy compute-candidate-scaling-cpu
        create aws:appautoscaling/policy:Policy compute-candidate-scaling-requests
        create aws:appautoscaling/target:Target compute-candidate-scaling
        create aws:cloudwatch/metricAlarm:MetricAlarm monitoring-alarms-candidate-no-healthy-host
        create aws:cloudwatch/metricAlarm:MetricAlarm monitoring-alarms-candidate-target-5xx
        create aws:cloudwatch/metricAlarm:MetricAlarm monitoring-alarms-candidate-unhealthy-host
        create aws:ecs/service:Service compute-candidate
        create aws:ecs/taskDefinition:TaskDefinition compute-candidate
        update aws:amp/ruleGroupNamespace:RuleGroupNamespace monitoring
        create pulumi-python:dynamic/mlplatform:ReleaseCheck verification-candidate
        update aws:cloudwatch/dashboard:Dashboard monitoring
        update aws:cloudwatch/eventRule:EventRule monitoring-alarms-deployment-failed
    """,
    "gcp-prod": """
        replace gcp:secretmanager/secretVersion:SecretVersion compute-agent
        update gcp:cloudrunv2/service:Service compute
        update gcp:monitoring/alertPolicy:AlertPolicy monitoring-WrongRelease
        create pulumi-python:dynamic/mlplatform:ReleaseCheck verification-candidate
    """,
}
WEIGHTS = {
    "azure-prod": "update azure-native:app:ContainerApp compute",
    "aws-prod": "update aws:lb/listener:Listener compute-entrance",
    "gcp-prod": "update gcp:cloudrunv2/service:Service compute",
}


def test_a_candidate_leaves_the_stable_release_as_it_runs_and_its_weight_moves_traffic_alone(
    production: Deployment,
) -> None:
    production.configure({"candidate": CANDIDATE, "candidateWeight": 0})
    assert touched(production) == steps(CANDIDATES[production.stack])
    production.configure({"candidateWeight": 10})
    assert touched(production) == steps(WEIGHTS[production.stack])
