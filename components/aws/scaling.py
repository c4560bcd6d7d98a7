"""How many replicas a release has: between the spec's bounds, by requests per target and by CPU."""

from __future__ import annotations

import pulumi
from pulumi_aws import appautoscaling

from components import naming
from components.spec import Environment, ServiceSpec

CPU_PERCENT = 60
_NAMESPACE = "ecs"
_DIMENSION = "ecs:service:DesiredCount"


def requests_per_minute(concurrency: int, request_seconds: float) -> float:
    """The requests a minute at which ``concurrency`` of them are in flight, each taking ``request_seconds``.

    Little's law: in flight = arrivals per second times seconds each. ECS cannot scale on requests in flight; the load
    balancer counts requests per target and minute. Where requests become slower than assumed, concurrency passes its
    aim without being noticed here; CPU is the second guard.
    """
    return concurrency / request_seconds * 60


class Scaling(pulumi.ComponentResource):
    """Two target-tracking policies; the higher of their answers wins, and both must agree to scale in."""

    def __init__(
        self,
        name: str,
        environment: Environment,
        spec: ServiceSpec,
        *,
        part: str,
        cluster: pulumi.Input[str],
        service: pulumi.Input[str],
        requests_label: pulumi.Input[str],
        request_seconds: float,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("mlplatform:aws:Scaling", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        target = appautoscaling.Target(
            name,
            appautoscaling.TargetArgs(
                service_namespace=_NAMESPACE,
                scalable_dimension=_DIMENSION,
                resource_id=pulumi.Output.format("service/{0}/{1}", cluster, service),
                min_capacity=spec.min_replicas,
                max_capacity=spec.max_replicas,
                tags=naming.tags(environment),
            ),
            opts=child,
        )
        rate = requests_per_minute(spec.target_concurrency, request_seconds)
        # The label is "<load balancer's suffix>/<target group's suffix>" (docs.aws.amazon.com/autoscaling/application/
        # APIReference/API_PredefinedMetricSpecification.html).
        metrics = {
            "requests": ("ALBRequestCountPerTarget", rate, requests_label),
            "cpu": ("ECSServiceAverageCPUUtilization", float(CPU_PERCENT), None),
        }
        for metric, (kind, value, label) in metrics.items():
            specification = (
                appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                    predefined_metric_type=kind, resource_label=label
                )
            )
            appautoscaling.Policy(
                f"{name}-{metric}",
                appautoscaling.PolicyArgs(
                    name=naming.name(environment, "resource", f"{part}-{metric}"),
                    service_namespace=target.service_namespace,
                    scalable_dimension=target.scalable_dimension,
                    resource_id=target.resource_id,
                    policy_type="TargetTrackingScaling",
                    target_tracking_scaling_policy_configuration=(
                        appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                            predefined_metric_specification=specification,
                            target_value=value,
                            scale_out_cooldown=30,
                            scale_in_cooldown=300,
                        )
                    ),
                ),
                opts=child,
            )
        self.register_outputs({})
