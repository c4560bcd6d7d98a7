"""The contract that every cloud keeps, checked on its whole stack program in update and in preview mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import pytest

from components import naming, spec
from components.release import release_id
from components.spec import Cloud, Environment, Tier
from tests.components.contract import (
    CANDIDATE,
    SECRET,
    STABLE,
    TRACKING_URL,
    configuration,
    fakes,
    stack_name,
    stack_run,
    stacks,
)
from tests.components.harness import PROJECT, UNKNOWN, Registered, Run, Secret

BY_DIGEST = re.compile(r"\S*sha256:[0-9a-f]{64}|\S*-digest")
"""An image by its digest, or a loaded one by its id in the engine; the mocks call a built one's ``<name>-digest``."""

OUTPUTS = {
    *("cloud", "environment", "url", "stableUrl", "release", "image", "modelVersion", "commit", "candidateWeight"),
    *("verified", "identity", "dashboardUrl", "logsUrl", "prometheusUrl", "alarms"),
}

every_stack = pytest.mark.parametrize(("cloud", "tier"), stacks(), ids=lambda value: str(value))
every_mode = pytest.mark.parametrize("preview", [False, True], ids=["update", "preview"])
every_cloud = pytest.mark.parametrize("cloud", sorted({cloud for cloud, _ in stacks()}))


def texts(value: Any, *, secret: bool = True) -> Iterator[str]:
    """Every text within ``value``; what a Secret wraps only where ``secret``."""
    if isinstance(value, Secret):
        if secret:
            yield from texts(value.value)
    elif isinstance(value, dict):
        for key, entry in cast(dict[str, Any], value).items():
            yield from (key, *texts(entry, secret=secret))
    elif isinstance(value, list):
        for entry in cast(list[Any], value):
            yield from texts(entry, secret=secret)
    elif isinstance(value, str):
        yield value


def tags_of(resource: Registered) -> dict[str, str]:
    """A resource's tags, whether its provider takes a mapping or a list of labels."""
    found: Any = resource.inputs.get(resource.taggable or "", {})
    if isinstance(found, list):
        return {entry["label"]: entry["value"] for entry in cast(list[dict[str, str]], found)}
    return cast(dict[str, str], found)


@every_stack
@every_mode
def test_every_stack_exports_the_same_outputs(cloud: Cloud, tier: Tier, preview: bool) -> None:
    outputs = stack_run(cloud, tier, preview).outputs
    assert set(outputs) >= OUTPUTS
    assert outputs["cloud"] == cloud
    assert outputs["environment"] == tier


@every_stack
@every_mode
def test_a_tracking_store_tells_a_server_where_it_is_and_holds_no_password(
    cloud: Cloud, tier: Tier, preview: bool
) -> None:
    if cloud == "local":
        assert "trackingServer" not in stack_run(cloud, tier, preview).outputs
        return
    run = stack_run(cloud, tier, preview)
    assert run.one(f"mlplatform:{cloud}:TrackingStore").urn in run.component_outputs
    database, files, command = (run.outputs[f"tracking{name}"] for name in ("Database", "Files", "Server"))
    assert run.outputs["trackingIdentity"]
    if preview and UNKNOWN in (database, files, command):
        return
    user, _, rest = database.removeprefix("postgresql://").partition("@")
    assert user
    assert ":" not in user, "a password"
    assert re.fullmatch(r"[^\s/:]+:5432/mlflow\?sslmode=verify-(full|ca)", rest), rest
    assert re.fullmatch(r"(s3|gs|wasbs)://\S+/mlflow", files), files
    assert database in command
    assert files in command


@every_stack
def test_what_a_stack_may_do_without_is_not_there_unasked(cloud: Cloud, tier: Tier) -> None:
    run = stack_run(cloud, tier, variant="bare")
    assert not [r.urn for r in run.resources if r.type.endswith((":TrackingStore", ":TrainingJob"))]
    assert not [name for name in run.outputs if name.startswith("tracking") or name in ("trainingJob", "artifacts")]


@every_stack
def test_training_tells_the_server_that_it_is_given_and_has_the_client_for_it(cloud: Cloud, tier: Tier) -> None:
    run = stack_run(cloud, tier)
    address = None if cloud == "local" else TRACKING_URL
    assert fakes(cloud).training_variables(run).get("MLFLOW_TRACKING_URI") == address
    built = [image for image in run.resources if image.name == "training-image" and "buildArgs" in image.inputs]
    assert len(built) == (1 if cloud != "local" and tier == "dev" else 0)
    assert all(image.inputs["buildArgs"]["TRAIN_LOCK"] == "registry" for image in built)


@every_stack
def test_addresses_are_addresses_and_the_release_is_the_one_asked_for(cloud: Cloud, tier: Tier) -> None:
    outputs = stack_run(cloud, tier, variant="candidate").outputs
    for name in ("url", "stableUrl", "candidateUrl", "dashboardUrl", "prometheusUrl"):
        assert re.match(r"https?://[^\s/]+", outputs[name]), (name, outputs[name])
    assert re.match(r"https?://[^\s/]+|docker logs \S+", outputs["logsUrl"])
    assert len({outputs["url"], outputs["stableUrl"], outputs["candidateUrl"]}) == 3
    assert outputs["image"] == STABLE["image"]
    assert outputs["release"] == release_id(STABLE["modelVersion"], STABLE["image"], STABLE["commit"])
    assert outputs["candidateRelease"] == release_id(CANDIDATE["modelVersion"], CANDIDATE["image"], CANDIDATE["commit"])


@every_stack
@every_mode
def test_every_resource_descends_from_a_component_of_its_cloud(cloud: Cloud, tier: Tier, preview: bool) -> None:
    run = stack_run(cloud, tier, preview)
    for resource in run.resources:
        root = [resource, *run.ancestors(resource)][-1]
        assert root.type.startswith((f"mlplatform:{cloud}:", "pulumi:providers:")), resource.urn
    for concept in ("Network", "Registry", "Telemetry", "Compute", "Monitoring"):
        component = run.one(f"mlplatform:{cloud}:{concept}")
        assert component.urn in run.component_outputs, f"{concept} registers no outputs"


@every_stack
def test_a_preview_plans_the_very_resources_that_an_update_makes(cloud: Cloud, tier: Tier) -> None:
    planned, made = (sorted(r.urn for r in stack_run(cloud, tier, preview).resources) for preview in (True, False))
    assert planned == made


@every_stack
def test_no_two_resources_share_a_urn(cloud: Cloud, tier: Tier) -> None:
    urns = [resource.urn for resource in stack_run(cloud, tier).resources]
    assert len(urns) == len(set(urns))


@every_stack
def test_everything_that_can_be_tagged_says_whose_it_is(cloud: Cloud, tier: Tier) -> None:
    environment = Environment(cloud=cloud, tier=tier, project=PROJECT, stack=stack_name(cloud, tier))
    required = naming.tags(environment).items()
    taggable = [resource for resource in stack_run(cloud, tier).resources if resource.taggable]
    assert taggable
    missing = [resource.urn for resource in taggable if not required <= tags_of(resource).items()]
    assert not missing


@every_stack
def test_a_tag_renames_and_changes_nothing_else(cloud: Cloud, tier: Tier) -> None:
    def identity(run: Run) -> dict[str, Any]:
        def untagged(value: Any) -> Any:
            if isinstance(value, dict):
                entries = cast(dict[str, Any], value).items()
                return {key: untagged(entry) for key, entry in entries if key not in ("tags", "labels", "userLabels")}
            if isinstance(value, list):
                return [untagged(entry) for entry in cast(list[Any], value)]
            return value

        return {resource.urn: untagged(resource.inputs) for resource in run.resources}

    assert identity(stack_run(cloud, tier, variant="tagged")) == identity(stack_run(cloud, tier))


@every_stack
def test_images_are_named_by_digest(cloud: Cloud, tier: Tier) -> None:
    run = stack_run(cloud, tier)
    for service in fakes(cloud).services(run):
        assert BY_DIGEST.fullmatch(service.image), service.image
        assert service.agent_image is None or BY_DIGEST.fullmatch(service.agent_image), service.agent_image
    mutable = [(r.urn, text) for r in run.resources for text in texts(r.inputs) if text.endswith(":latest")]
    assert not mutable


@every_stack
def test_the_service_is_probed_and_stopped_gently(cloud: Cloud, tier: Tier) -> None:
    for service in fakes(cloud).services(stack_run(cloud, tier)):
        assert service.startup == spec.READY_PATH
        assert service.readiness == spec.READY_PATH
        assert service.liveness in (spec.LIVE_PATH, spec.READY_PATH)
        assert service.grace_seconds > spec.DRAIN_SECONDS + spec.SHUTDOWN_SECONDS


@every_stack
def test_the_ingress_reaches_the_service_and_not_its_metrics(cloud: Cloud, tier: Tier) -> None:
    for service in fakes(cloud).services(stack_run(cloud, tier)):
        assert service.env["METRICS_PORT"] == str(spec.METRICS_PORT)
        assert int(service.env["PORT"]) in service.public_ports
        assert spec.METRICS_PORT not in service.public_ports


@every_stack
def test_replicas_stay_within_the_bounds_that_were_asked_for(cloud: Cloud, tier: Tier) -> None:
    asked = configuration(cloud, tier).get(f"{PROJECT}:service", {})
    service = fakes(cloud).services(stack_run(cloud, tier))[0]
    assert service.min_replicas == asked.get("minReplicas", 1)
    assert service.max_replicas == asked.get("maxReplicas", 3)
    assert tier == "dev" or service.min_replicas >= 2


@every_stack
def test_the_candidate_runs_beside_the_stable_release_with_its_share(cloud: Cloud, tier: Tier) -> None:
    stable, candidate = fakes(cloud).services(stack_run(cloud, tier, variant="candidate"))
    assert (stable.slot, stable.weight, candidate.slot, candidate.weight) == ("stable", 95, "candidate", 5)
    assert candidate.image == CANDIDATE["image"]
    assert candidate.env["RELEASE"] == release_id(CANDIDATE["modelVersion"], CANDIDATE["image"], CANDIDATE["commit"])


@every_stack
def test_without_a_candidate_the_stable_release_has_everything(cloud: Cloud, tier: Tier) -> None:
    run = stack_run(cloud, tier)
    (stable,) = fakes(cloud).services(run)
    assert (stable.slot, stable.weight) == ("stable", 100)
    assert run.outputs.get("candidateUrl") is None


@every_stack
@every_mode
def test_no_secret_of_the_configuration_stands_in_plain_inputs_or_outputs(
    cloud: Cloud, tier: Tier, preview: bool
) -> None:
    run = stack_run(cloud, tier, preview)
    for resource in run.resources:
        leaks = [text[:40] for text in texts(resource.inputs, secret=False) if SECRET in text]
        assert not leaks, (resource.urn, leaks)
    shown = (run.outputs, *run.component_outputs.values(), run.messages)
    assert not [text[:40] for value in shown for text in texts(value, secret=False) if SECRET in text]


@every_stack
def test_the_secret_reaches_the_receiver(cloud: Cloud, tier: Tier) -> None:
    run = stack_run(cloud, tier)
    assert [r.urn for r in run.resources for text in texts(r.inputs) if SECRET in text]


@every_stack
def test_what_holds_data_is_protected(cloud: Cloud, tier: Tier) -> None:
    run = stack_run(cloud, tier)
    holding = [run.by_urn(urn) for urn in fakes(cloud).data(run)]
    assert holding
    assert not [resource.urn for resource in holding if not resource.protect]


@every_stack
def test_no_right_is_wider_than_its_use(cloud: Cloud, tier: Tier) -> None:
    assert not list(fakes(cloud).excessive_rights(stack_run(cloud, tier)))


@every_stack
def test_what_only_the_build_can_know_stays_unknown_in_a_preview(cloud: Cloud, tier: Tier) -> None:
    outputs = stack_run(cloud, tier, preview=True).outputs
    building = configuration(cloud, tier).get(f"{PROJECT}:image") == "build"
    assert (outputs["image"] is UNKNOWN) == building
    assert (outputs["release"] is UNKNOWN) == building
