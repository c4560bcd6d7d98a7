from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from components.spec import Authentication, ServiceSpec, SpecError, UnsupportedError
from tests.components.harness import UNKNOWN, Registered, Run, Secret

Build = Callable[..., Run]
A, B = "a" * 16 + "-" + "a" * 12 + "-" + "a" * 12, "b" * 16 + "-" + "b" * 12 + "-" + "b" * 12


def service(run: Run) -> Registered:
    return run.one("cloudrunv2/service:Service")


def targets(run: Run) -> dict[str, dict[str, Any]]:
    return {target["tag"]: target for target in service(run).inputs["traffics"]}


def dependencies(run: Run, resource: Registered) -> set[str]:
    """The types of everything that a resource waits for, directly or by way of others."""
    found: set[str] = set()
    waiting = list(resource.dependencies)
    while waiting:
        if (urn := waiting.pop()) not in found:
            found.add(urn)
            waiting += run.by_urn(urn).dependencies
    return {run.by_urn(urn).type.rpartition(":")[2] for urn in found}


def test_a_revision_is_named_after_the_service_and_serves_all_traffic_under_its_tag(build: Build) -> None:
    run = build("a")
    revision = service(run).inputs["template"]["revision"]
    assert revision.startswith(service(run).inputs["name"] + "-r")
    assert len(revision) <= 63
    assert targets(run)["stable"] | {"percent": 100} == {
        "type": "TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION",
        "revision": revision,
        "percent": 100,
        "tag": "stable",
    }
    assert run.outputs["revisions"] == {A: revision}


def test_the_same_release_keeps_its_revision_and_another_gets_a_new_one(build: Build) -> None:
    first, again, other = build("a"), build("a"), build("b")
    assert first.outputs["revisions"][A] == again.outputs["revisions"][A]
    assert other.outputs["revisions"][B] != first.outputs["revisions"][A]


def test_changed_settings_give_a_new_revision_because_cloud_run_refuses_them_under_an_old_name(build: Build) -> None:
    small, large = build("a"), build("a", spec=ServiceSpec(memory_mb=4096))
    assert small.outputs["revisions"] != large.outputs["revisions"]


def test_the_number_of_replicas_changes_no_revision(build: Build) -> None:
    few, many = build("a"), build("a", spec=ServiceSpec(min_replicas=3, max_replicas=9))
    assert few.outputs["revisions"] == many.outputs["revisions"]
    assert service(many).inputs["scaling"] == {"minInstanceCount": 3, "maxInstanceCount": 9}


def test_beside_a_candidate_the_stable_revision_stays_the_one_that_serves_even_if_settings_change(build: Build) -> None:
    before = build("a")
    run = build("a", candidate="b", weight=5, served=before.outputs["revisions"], spec=ServiceSpec(memory_mb=4096))
    assert targets(run)["stable"]["revision"] == before.outputs["revisions"][A]
    assert targets(run)["candidate"]["revision"] == service(run).inputs["template"]["revision"]
    assert (targets(run)["stable"]["percent"], targets(run)["candidate"]["percent"]) == (95, 5)
    assert run.outputs["revisions"] == {
        A: before.outputs["revisions"][A],
        B: service(run).inputs["template"]["revision"],
    }


def test_promotion_moves_traffic_and_leaves_the_template_as_it_is(build: Build) -> None:
    canary = build("a", candidate="b", weight=50)
    promoted = build("b", served=canary.outputs["revisions"])
    assert service(promoted).inputs["template"] == service(canary).inputs["template"]
    assert targets(promoted)["stable"]["revision"] == canary.outputs["revisions"][B]


def test_each_release_has_an_address_of_its_own_from_its_tag(build: Build) -> None:
    run = build("a", candidate="b")
    host = f"{service(run).inputs['name']}-abcdefghij-ew.a.run.app"
    assert run.outputs["stableUrl"] == f"https://stable---{host}"
    assert run.outputs["candidateUrl"] == f"https://candidate---{host}"
    # "Combined traffic tag and service name cannot exceed 46 characters", says Cloud Run.
    assert len("candidate" + service(run).inputs["name"]) <= 46


def test_in_a_preview_the_revision_is_unknown_until_its_parts_are(build: Build) -> None:
    run = build("a", candidate="b", preview=True)
    assert service(run).inputs["template"]["revision"] is UNKNOWN
    assert targets(run)["stable"]["revision"] is UNKNOWN


def test_cpu_is_always_allocated_and_the_side_car_waits_for_the_service(build: Build) -> None:
    containers = {found["name"]: found for found in service(build()).inputs["template"]["containers"]}
    assert not any(found["resources"]["cpuIdle"] for found in containers.values())
    assert containers["agent"]["dependsOns"] == ["service"]
    assert "startupProbe" in containers["service"]
    assert "ports" not in containers["agent"]


def test_port_is_left_to_cloud_run_which_reserves_it(build: Build) -> None:
    container = service(build(spec=ServiceSpec(port=9000))).inputs["template"]["containers"][0]
    assert "PORT" not in {entry["name"] for entry in container["envs"]}
    assert container["ports"] == {"containerPort": 9000}


def test_everything_leaves_through_the_private_network(build: Build) -> None:
    access = service(build()).inputs["template"]["vpcAccess"]
    assert access == {"egress": "ALL_TRAFFIC", "networkInterfaces": [{"subnetwork": "network-serving-id"}]}


def test_the_service_waits_for_its_rights_its_network_its_log_sink_and_the_right_to_pull(build: Build) -> None:
    run = build()
    awaited = dependencies(run, service(run))
    assert {
        *("RepositoryIamMember", "IAMMember", "SecretIamMember", "SecretVersion"),
        *("Service", "ProjectSink", "Subnetwork", "Firewall", "Account"),
    } <= awaited


def test_every_resource_waits_for_the_apis(build: Build) -> None:
    run = build()
    apis = {resource.urn for resource in run.of("projects/service:Service")}
    made = [resource for resource in run.resources if resource.custom and resource.urn not in apis]
    assert not [resource.urn for resource in made if not apis <= set(resource.dependencies)]


def test_the_workload_has_its_own_identity_with_one_role_in_the_project(build: Build) -> None:
    run = build()
    email = run.one("serviceaccount/account:Account").inputs["accountId"] + "@some-project.iam.gserviceaccount.com"
    assert service(run).inputs["template"]["serviceAccount"] == email
    granted = run.one("projects/iAMMember:IAMMember").inputs
    assert (granted["role"], granted["member"]) == ("roles/monitoring.metricWriter", f"serviceAccount:{email}")


def test_only_the_agent_of_cloud_run_may_pull(build: Build) -> None:
    granted = build().one("RepositoryIamMember").inputs
    assert granted["role"] == "roles/artifactregistry.reader"
    assert granted["member"] == "serviceAccount:service-1@run.googleapis.com"


def test_secrets_are_references_and_the_workload_may_read_exactly_those(build: Build) -> None:
    spec = ServiceSpec(
        secrets={"TOKEN": "token/versions/3", "KEY": "projects/other-project/secrets/key", "SAME": "token"}
    )
    run = build(spec=spec)
    variables = {entry["name"]: entry for entry in service(run).inputs["template"]["containers"][0]["envs"]}
    assert variables["TOKEN"]["valueSource"]["secretKeyRef"] == {
        "secret": "projects/some-project/secrets/token",
        "version": "3",
    }
    assert variables["KEY"]["valueSource"]["secretKeyRef"] == {
        "secret": "projects/other-project/secrets/key",
        "version": "latest",
    }
    readable = {granted.inputs["secretId"] for granted in run.of("SecretIamMember")}
    assert readable == {
        "projects/some-project/secrets/token",
        "projects/other-project/secrets/key",
        "compute-agent-id",
    }


def test_a_reference_that_is_no_secret_is_refused(build: Build) -> None:
    with pytest.raises(SpecError, match=r"service\.secrets\.TOKEN is 'https://vault/x': not a secret"):
        build(spec=ServiceSpec(secrets={"TOKEN": "https://vault/x"}))


def test_the_side_car_learns_which_revision_is_which_release(build: Build) -> None:
    run = build("a", candidate="b", weight=5)
    held = run.one("SecretVersion").inputs["secretData"]
    assert isinstance(held, Secret)
    config = json.loads(held.value)
    (endpoint,) = config["spec"]["endpoints"]
    rules = {rule["regex"]: rule["replacement"] for rule in endpoint["metricRelabeling"]}
    assert rules == {revision: release for release, revision in run.outputs["revisions"].items()}
    assert {rule["targetLabel"] for rule in endpoint["metricRelabeling"]} == {"release"}
    assert (endpoint["port"], endpoint["path"], endpoint["interval"]) == (8001, "/metrics", "15s")
    assert (config["kind"], config["metadata"]["name"]) == ("RunMonitoring", "service")


def test_the_side_car_reads_the_newest_configuration_where_it_looks_for_it(build: Build) -> None:
    template = service(build()).inputs["template"]
    (volume,) = template["volumes"]
    assert volume["secret"] == {
        "secret": "compute-agent-id",
        "items": [{"path": "config.yaml", "version": "latest"}],
    }
    agent = template["containers"][1]
    assert agent["volumeMounts"] == [{"name": volume["name"], "mountPath": "/etc/rungmp"}]


def test_a_private_service_is_reached_from_the_network_by_the_listed_callers(build: Build) -> None:
    run = build()
    assert service(run).inputs["ingress"] == "INGRESS_TRAFFIC_INTERNAL_ONLY"
    assert [(m.inputs["role"], m.inputs["member"]) for m in run.of("ServiceIamMember")] == [
        ("roles/run.invoker", "user:a@example.org")
    ]


def test_a_public_service_with_authentication_is_open_to_the_listed_callers_alone(build: Build) -> None:
    google = Authentication(issuer="https://accounts.google.com", audience="predictions")
    run = build(spec=ServiceSpec(ingress="public", authentication=google))
    assert service(run).inputs["ingress"] == "INGRESS_TRAFFIC_ALL"
    assert service(run).inputs["customAudiences"] == ["predictions"]
    assert [m.inputs["member"] for m in run.of("ServiceIamMember")] == ["user:a@example.org"]


def test_everyone_may_call_only_where_asked_for_and_it_is_said_aloud(build: Build) -> None:
    run = build(spec=ServiceSpec(ingress="public"))
    assert [m.inputs["member"] for m in run.of("ServiceIamMember")] == ["allUsers"]
    assert [message for message in run.messages if "anyone on the internet may call" in message]


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (ServiceSpec(cpu=0.5, memory_mb=512), r"gcp cannot do service\.cpu 0\.5 .*; use 1, 2 or 4"),
        (ServiceSpec(cpu=1, memory_mb=8192), r"gcp cannot do service\.memoryMb 8192 beside 1 vCPU; use 512 to 4096"),
        (ServiceSpec(cpu=4, memory_mb=1024), r"gcp cannot do service\.memoryMb 1024 beside 4 vCPU; use 2048 to 16384"),
        (
            ServiceSpec(authentication=Authentication(issuer="https://example.org", audience="x")),
            r"gcp cannot do service\.authentication\.issuer 'https://example\.org'; .*https://accounts\.google\.com",
        ),
    ],
)
def test_what_cloud_run_cannot_do_is_refused_by_name(build: Build, spec: ServiceSpec, words: str) -> None:
    with pytest.raises(UnsupportedError, match=words):
        build(spec=spec)
