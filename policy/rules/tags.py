"""Required tags: whose a resource is, which environment it belongs to and what may change it."""

from __future__ import annotations

from pulumi_policy import PolicyConfigSchema, ResourceValidationArgs, Severity

from .check import Check, Table, resource_rule
from .property import Property

REQUIRED = ("project", "stack", "environment", "managed-by")
CONFIG = PolicyConfigSchema(
    properties={
        "required": {
            "type": "array",
            "items": {"type": "string"},
            "default": list(REQUIRED),
            "description": "The keys that every resource that can be tagged carries.",
        }
    }
)


def _tagged(found: Property, args: ResourceValidationArgs) -> str | None:
    """Refuse a map of tags that lacks a required key or leaves it empty; a tag's value may be unknown yet."""
    # Not by at(): a key may hold dots.
    present: set[str] = {key for key, tag in zip(found.value or (), found.select("*"), strict=True) if tag.is_set}
    return _missing(found, args, present)


def _labelled(found: Property, args: ResourceValidationArgs) -> str | None:
    """Refuse a list of labels, as Docker's objects have it, that lacks a required key or leaves it empty."""
    labels = found.select("*")
    return _missing(found, args, {label.at("label").value for label in labels if label.at("value").is_set})


def _missing(found: Property, args: ResourceValidationArgs, present: set[str]) -> str | None:
    """The refusal that names the required keys, of the pack's configuration, that are not ``present``."""
    keys = [key for key in args.get_config().get("required", REQUIRED) if key not in present]
    if not keys:
        return None
    return f"{found.path} lacks {', '.join(keys)}: nobody can tell whose it is or who pays for it; add them"


AZURE = (
    "azure-native:alertsmanagement:PrometheusRuleGroup",
    "azure-native:app:ContainerApp",
    "azure-native:app:Job",
    "azure-native:app:ManagedEnvironment",
    "azure-native:containerregistry:Registry",
    "azure-native:dbforpostgresql:Server",
    "azure-native:keyvault:Vault",
    "azure-native:managedidentity:UserAssignedIdentity",
    "azure-native:monitor:ActionGroup",
    "azure-native:monitor:AzureMonitorWorkspace",
    "azure-native:monitor:DataCollectionEndpoint",
    "azure-native:monitor:DataCollectionRule",
    "azure-native:monitor:MetricAlert",
    "azure-native:monitor:ScheduledQueryRule",
    "azure-native:network:FlowLog",
    "azure-native:network:NetworkSecurityGroup",
    "azure-native:network:PrivateEndpoint",
    "azure-native:network:VirtualNetwork",
    "azure-native:operationalinsights:Workspace",
    "azure-native:portal:Dashboard",
    "azure-native:privatedns:PrivateZone",
    "azure-native:privatedns:VirtualNetworkLink",
    "azure-native:resources:ResourceGroup",
    "azure-native:storage:StorageAccount",
)
AWS = (
    "aws:acm/certificate:Certificate",
    "aws:amp/ruleGroupNamespace:RuleGroupNamespace",
    "aws:amp/workspace:Workspace",
    "aws:appautoscaling/target:Target",
    "aws:cloudwatch/eventRule:EventRule",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:cloudwatch/metricAlarm:MetricAlarm",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ecr/repository:Repository",
    "aws:ecs/cluster:Cluster",
    "aws:ecs/service:Service",
    "aws:ecs/taskDefinition:TaskDefinition",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:lb/listener:Listener",
    "aws:lb/loadBalancer:LoadBalancer",
    "aws:lb/targetGroup:TargetGroup",
    "aws:rds/instance:Instance",
    "aws:rds/parameterGroup:ParameterGroup",
    "aws:rds/subnetGroup:SubnetGroup",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "aws:sns/topic:Topic",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
)
GCP = (
    "gcp:artifactregistry/repository:Repository",
    "gcp:cloudrunv2/job:Job",
    "gcp:cloudrunv2/service:Service",
    "gcp:compute/address:Address",
    "gcp:compute/forwardingRule:ForwardingRule",
    "gcp:dns/managedZone:ManagedZone",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:secretmanager/secret:Secret",
    "gcp:storage/bucket:Bucket",
)
GCP_MONITORING = (
    "gcp:monitoring/alertPolicy:AlertPolicy",
    "gcp:monitoring/notificationChannel:NotificationChannel",
)
DOCKER = (
    "docker:index/container:Container",
    "docker:index/network:Network",
    "docker:index/volume:Volume",
)

TABLE: Table = {
    **dict.fromkeys((*AZURE, *AWS), (Check("tags", _tagged),)),
    **dict.fromkeys(GCP, (Check("labels", _tagged),)),
    **dict.fromkeys(GCP_MONITORING, (Check("userLabels", _tagged),)),
    **dict.fromkeys(DOCKER, (Check("labels", _labelled),)),
    "gcp:sql/databaseInstance:DatabaseInstance": (Check("settings.userLabels", _tagged),),
}

TAGS = resource_rule(
    "required-tags",
    "Whatever can be tagged says whose it is and which environment it belongs to.",
    TABLE,
    Severity.MEDIUM,
    CONFIG,
)
