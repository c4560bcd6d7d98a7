from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.errors import RunError

from components.aws import tasks
from components.aws.service import RolledBackError
from components.spec import DRAIN_SECONDS, SHUTDOWN_SECONDS
from tests.components.aws.fakes import ACCOUNT, REGION, WORKSPACE, arn, containers, statements
from tests.components.harness import UNKNOWN, Registered, Run

Stack = Callable[..., Run]
SECRET = arn("secretsmanager", "secret:api-AbCdEf")


def upstream(run: Run, resource: Registered) -> set[str]:
    """The names of everything that a resource waits for, directly or by way of others."""
    found: set[str] = set()
    waiting = list(resource.dependencies)
    while waiting:
        if (urn := waiting.pop()) not in found:
            found.add(urn)
            waiting += run.by_urn(urn).dependencies
    return {f"{run.by_urn(urn).type.rpartition(':')[2]} {run.by_urn(urn).name}" for urn in found}


def entrance(run: Run) -> Registered:
    return next(listener for listener in run.of("lb/listener:Listener") if listener.name == "compute-entrance")


def definition(run: Run, slot: str = "stable") -> dict[str, dict[str, Any]]:
    return containers(run.one("ecs/taskDefinition:TaskDefinition", slot))


def test_a_service_waits_for_its_roles_policies_its_listener_and_the_endpoints(stack: Stack) -> None:
    run = stack("dev")
    waits = upstream(run, run.one("ecs/service:Service"))
    assert waits >= {
        "RolePolicy compute-execution",
        "RolePolicy compute-task",
        "Listener compute-balancer-stable",
        "VpcEndpoint network-endpoints-ecr-api",
        "VpcEndpoint network-endpoints-s3",
        "LogGroup telemetry-service",
        "Workspace telemetry",
    }
    assert "Listener compute-entrance" not in waits


def test_public_traffic_moves_only_after_both_services_are_steady(stack: Stack) -> None:
    run = stack("dev", "candidate")
    assert upstream(run, entrance(run)) >= {"Service compute-stable", "Service compute-candidate"}
    assert all(service.inputs["waitForSteadyState"] for service in run.of("ecs/service:Service"))
    groups = entrance(run).inputs["defaultActions"][0]["forward"]["targetGroups"]
    assert [(group["arn"], group["weight"]) for group in groups] == [
        ("compute-balancer-stable-arn", 95),
        ("compute-balancer-candidate-arn", 5),
    ]


def test_without_a_candidate_its_service_is_gone_and_its_address_stays_ready_for_the_next(stack: Stack) -> None:
    run = stack("dev")
    assert [service.name for service in run.of("ecs/service:Service")] == ["compute-stable"]
    assert {group.name for group in run.of("TargetGroup")} == {"compute-balancer-stable", "compute-balancer-candidate"}
    groups = entrance(run).inputs["defaultActions"][0]["forward"]["targetGroups"]
    assert [group["weight"] for group in groups] == [100, 0]


def test_a_candidate_changes_nothing_of_the_stable_service(stack: Stack) -> None:
    alone, beside = stack("prod"), stack("prod", "candidate")
    for kind in ("ecs/service:Service", "ecs/taskDefinition:TaskDefinition"):
        assert alone.one(kind, "stable").inputs == beside.one(kind, "stable").inputs


def test_a_bad_version_is_rolled_back_and_the_autoscalers_count_left_alone(stack: Stack) -> None:
    service = stack("prod").one("ecs/service:Service")
    assert service.inputs["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert service.inputs["deploymentMinimumHealthyPercent"] == 100
    assert service.inputs["healthCheckGracePeriodSeconds"] == 60
    assert service.inputs["enableExecuteCommand"] is False
    assert service.inputs["networkConfiguration"]["assignPublicIp"] is False
    assert len(service.inputs["networkConfiguration"]["subnets"]) == 3
    assert service.inputs["desiredCount"] == 3
    assert service.ignore_changes == ("desiredCount",)
    assert stack("prod").one("TaskDefinition", "stable").inputs["skipDestroy"] is True


def test_the_stack_says_which_task_definitions_run_and_which_alarms_to_read(stack: Stack) -> None:
    outputs = stack("prod", "candidate").outputs
    assert outputs["cluster"] == stack("prod", "candidate").one("ecs/cluster:Cluster").inputs["name"]
    assert set(outputs["taskDefinitions"]) == {"stable", "candidate"}
    assert outputs["taskDefinitions"]["stable"].startswith(arn("ecs", "task-definition/aws-prod-stable-"))
    assert outputs["alarms"]["candidate-target-5xx"].startswith("aws-prod-candidate-target-5xx-")


def test_an_update_that_ecs_took_back_fails_and_says_so(run_with: Callable[..., Run]) -> None:
    def rolled_back(type_: str, _name: str, _inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"taskDefinition": "the-old-one"} if type_ == "aws:ecs/service:Service" else {}

    with pytest.raises((RolledBackError, RunError), match=r"service 'stable' runs the-old-one, not arn:aws:ecs"):
        run_with(rolled_back)


def test_a_container_is_alive_by_its_own_answer_and_ready_by_the_load_balancers_question(stack: Stack) -> None:
    run = stack("dev")
    probe = definition(run)["service"]["healthCheck"]
    assert probe["command"][:3] == ["CMD", "python", "-c"]
    assert "http://127.0.0.1:8000/health/live" in probe["command"][3]
    compile(probe["command"][3], "probe", "exec")
    check = run.one("TargetGroup", "stable").inputs["healthCheck"]
    assert (check["path"], check["matcher"], check["port"]) == ("/health", "200", "traffic-port")


def test_leaving_takes_longer_than_the_services_own_drain(stack: Stack) -> None:
    run = stack("dev")
    own = DRAIN_SECONDS + SHUTDOWN_SECONDS
    assert definition(run)["service"]["stopTimeout"] > own
    assert all(group.inputs["deregistrationDelay"] > own for group in run.of("TargetGroup"))


@pytest.mark.parametrize("name", ["service", "agent"])
def test_containers_are_neither_root_nor_able_to_change_themselves(stack: Stack, name: str) -> None:
    container = definition(stack("prod"))[name]
    assert container["readonlyRootFilesystem"] is True
    assert container["user"] == {"service": "10001:10001", "agent": "65534:65534"}[name]
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]


def test_the_agent_signs_for_the_workspace_tells_replicas_apart_and_outlives_the_service(stack: Stack) -> None:
    run = stack("dev", "pinned")
    service, agent = definition(run)["service"], definition(run)["agent"]
    (variable,) = agent["environment"]
    configuration = json.loads(variable["value"])
    (target,) = configuration["remote_write"]
    assert target["url"].endswith(f"/workspaces/{WORKSPACE}/api/v1/remote_write")
    assert target["sigv4"] == {"region": REGION}
    labels = configuration["global"]["external_labels"]
    release = next(entry["value"] for entry in service["environment"] if entry["name"] == "RELEASE")
    assert labels == {"release": release, "slot": "stable", "replica": "${REPLICA}"}
    assert service["dependsOn"] == [{"containerName": "agent", "condition": "START"}]
    assert agent["essential"] is False
    assert agent["restartPolicy"]["enabled"] is True
    assert "portMappings" not in agent


def test_the_agents_command_writes_its_configuration_and_names_the_replica(stack: Stack, tmp_path: Path) -> None:
    agent = definition(stack("dev", "pinned"))["agent"]
    stub = tmp_path / "prometheus"
    stub.write_text(f'#!/bin/sh\necho "$REPLICA" "$@" > {tmp_path}/called\n')
    stub.chmod(0o755)
    subprocess.run(
        [*agent["entryPoint"], *(part.replace(tasks.AGENT_DIRECTORY, str(tmp_path)) for part in agent["command"])],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "CONFIGURATION": agent["environment"][0]["value"]},
        check=True,
    )
    assert json.loads((tmp_path / "agent.yml").read_text())["remote_write"]
    called = (tmp_path / "called").read_text()
    assert called.startswith(f"{socket.gethostname()} --agent --config.file={tmp_path}/agent.yml")
    assert "--web.listen-address=127.0.0.1:9090" in called


def test_a_task_is_the_smallest_that_holds_service_and_agent(stack: Stack) -> None:
    run = stack("dev", "changed")
    task = run.one("TaskDefinition", "stable").inputs
    assert (task["cpu"], task["memory"]) == ("1024", "3072")
    found = definition(run)
    assert found["service"]["memory"] == 2048
    assert found["service"]["cpu"] + found["agent"]["cpu"] == 1024


def test_the_agent_is_copied_in_dev_and_taken_as_it_is_in_production(stack: Stack) -> None:
    dev, prod = stack("dev"), stack("prod")
    source = dev.one("docker-build:index:Image", "agent").inputs["buildArgs"]["SOURCE"]
    assert source.startswith("docker.io/prom/prometheus:v3.5.0@sha256:")
    assert definition(dev)["agent"]["image"].startswith(f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/")
    prod.none("docker-build:index:Image")


def test_the_task_may_write_metrics_and_nothing_else(stack: Stack) -> None:
    (only,) = statements(stack("prod"), "compute-task")
    assert only["Action"] == ["aps:RemoteWrite"]
    assert only["Resource"] == arn("aps", f"workspace/{WORKSPACE}")


def test_ecs_may_pull_two_repositories_write_one_log_group_and_read_no_secret(stack: Stack) -> None:
    login, pull, logs = statements(stack("prod"), "compute-execution")
    assert login["Action"] == ["ecr:GetAuthorizationToken"]
    assert len(pull["Resource"]) == 2
    assert all(":repository/" in resource for resource in pull["Resource"])
    assert logs["Resource"].endswith(":*")
    assert "-service-" in logs["Resource"]


def test_secrets_go_by_reference_and_ecs_may_read_exactly_those(stack: Stack) -> None:
    run = stack("dev", "changed")
    service = definition(run)["service"]
    assert service["secrets"] == [
        {"name": "KEY", "valueFrom": SECRET},
        {"name": "TOKEN", "valueFrom": f"{SECRET}:token::"},
    ]
    *_, read, decrypt = statements(run, "compute-execution")
    assert (read["Action"], read["Resource"]) == (["secretsmanager:GetSecretValue"], [SECRET])
    condition = decrypt["Condition"]["StringEquals"]
    assert condition["kms:ViaService"] == f"secretsmanager.{REGION}.amazonaws.com"
    assert condition["kms:EncryptionContext:SecretARN"] == [SECRET]


def test_replicas_follow_requests_and_cpu(stack: Stack) -> None:
    run = stack("dev", "changed")
    requests, cpu = (
        run.one("appautoscaling/policy:Policy", f"stable-scaling-{metric}").inputs[
            "targetTrackingScalingPolicyConfiguration"
        ]
        for metric in ("requests", "cpu")
    )
    assert requests["targetValue"] == 38400  # 32 in flight, each 50 ms: 640 a second
    specification = requests["predefinedMetricSpecification"]
    balancer, group = run.one("lb/loadBalancer:LoadBalancer"), run.one("TargetGroup", "stable")
    assert specification["resourceLabel"] == f"app/{balancer.inputs['name']}/1/targetgroup/{group.inputs['name']}/1"
    assert cpu["predefinedMetricSpecification"]["predefinedMetricType"] == "ECSServiceAverageCPUUtilization"


def test_plain_http_is_for_dev_alone_and_said(stack: Stack) -> None:
    run = stack("dev")
    assert run.outputs["url"].startswith("http://")
    assert any("plain HTTP" in message for message in run.messages)


def test_with_a_domain_every_listener_is_encrypted_and_port_80_only_redirects(stack: Stack) -> None:
    run = stack("prod")
    assert run.outputs["url"] == "https://predict.example.com"
    assert run.outputs["stableUrl"] == "https://predict.example.com:8443"
    for listener in run.of("lb/listener:Listener"):
        if listener.inputs["port"] == 80:
            (action,) = listener.inputs["defaultActions"]
            assert action["redirect"]["protocol"] == "HTTPS"
        else:
            assert listener.inputs["protocol"] == "HTTPS"
            assert listener.inputs["sslPolicy"] == "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
            assert listener.inputs["certificateArn"] == "compute-balancer-certificate-arn"
    assert not [message for message in run.messages if "plain HTTP" in message]


def test_an_existing_certificate_is_used_and_dns_left_alone(stack: Stack) -> None:
    run = stack("prod", "changed")
    assert entrance(run).inputs["certificateArn"] == arn("acm", "certificate/1")
    run.none("acm/certificate:Certificate")
    run.none("route53/record:Record")


def test_public_production_checks_tokens_before_it_forwards(stack: Stack) -> None:
    run = stack("prod", "changed")
    check, forward = entrance(run).inputs["defaultActions"]
    assert (check["type"], check["order"], forward["type"], forward["order"]) == ("jwt-validation", 1, "forward", 2)
    assert check["jwtValidation"] == {
        "issuer": "https://id.example.org/",
        "jwksEndpoint": "https://id.example.org/.well-known/jwks.json",
        "additionalClaims": [{"name": "aud", "format": "single-string", "values": ["predictions"]}],
    }


def test_a_region_that_is_not_the_providers_fails_the_update(stack: Stack) -> None:
    with pytest.raises(Exception, match=r"aws:region is eu-west-1, but the stack's aws\.region is us-east-1"):
        stack("dev", "wrong region")


def test_production_cannot_be_deleted_by_mistake_and_shows_its_containers(stack: Stack) -> None:
    for tier, guarded, insights in (("dev", False, "disabled"), ("prod", True, "enabled")):
        run = stack(tier)
        assert run.one("lb/loadBalancer:LoadBalancer").inputs["enableDeletionProtection"] is guarded
        assert run.one("ecs/cluster:Cluster").inputs["settings"] == [{"name": "containerInsights", "value": insights}]


def test_images_are_scanned_kept_by_number_and_their_tags_never_move(stack: Stack) -> None:
    run = stack("prod")
    for repository in run.of("ecr/repository:Repository"):
        assert repository.inputs["imageTagMutability"] == "IMMUTABLE"
        assert repository.inputs["imageScanningConfiguration"] == {"scanOnPush": True}
        assert repository.inputs["encryptionConfigurations"][0]["encryptionType"] == "KMS"
    for policy in run.of("ecr/lifecyclePolicy:LifecyclePolicy"):
        (rule,) = json.loads(policy.inputs["policy"])["rules"]
        assert rule["selection"]["tagStatus"] == "any"  # what is pushed by digest has no tag and must not expire


def test_a_preview_knows_the_plan_and_not_what_only_aws_can_say(stack: Stack) -> None:
    run = stack("dev", "pinned", preview=True)
    service = run.one("ecs/service:Service")
    assert service.inputs["taskDefinition"] is UNKNOWN
    assert service.inputs["desiredCount"] == 1
    assert run.one("TaskDefinition", "stable").inputs["containerDefinitions"] is UNKNOWN
    assert run.outputs["url"] is UNKNOWN
    assert not run.calls
