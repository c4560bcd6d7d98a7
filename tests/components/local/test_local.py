"""What is the local engine's own: hardening, the weight as a resource, the programs that watch, and its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from components.local import weight
from components.local.settings import Settings
from components.spec import SpecError, UnsupportedError
from stacks import local
from tests.components.contract import SECRET, configuration, stack_run
from tests.components.harness import PROJECT, Run, Secret, run
from tests.components.local import fakes


def local_run(preview: bool = False, candidate: bool = False, **changes: Any) -> Run:
    """The local stack with some keys replaced."""
    settings = configuration("local", "dev", "candidate" if candidate else "plain")
    settings |= {f"{PROJECT}:{key}": value for key, value in changes.items()}
    return run(
        local.program,
        config=settings,
        secrets=frozenset([f"{PROJECT}:hook"]),
        stack_name="dev",
        preview=preview,
        outputs=fakes.outputs,
        call=fakes.call,
    )


def file_of(found: Run, part: str, name: str) -> Any:
    """The content of an uploaded file."""
    uploads = found.one("container:Container", f"-{part}").inputs["uploads"]
    if isinstance(uploads, Secret):
        uploads = uploads.value
    return next(upload["content"] for upload in uploads if upload["file"] == f"/config/{name}")


def test_the_service_cannot_write_to_its_disk_nor_reach_outside() -> None:
    container = stack_run("local", "dev").one("container:Container", "stable").inputs
    assert container["readOnly"] is True
    assert container["tmpfs"] == {"/tmp": "rw,noexec,nosuid,size=64m,mode=1777"}
    assert container["user"] == "10001:10001"
    assert container["memory"] == container["memorySwap"] == 1024
    assert not container.get("ports")
    networks = [network["name"] for network in container["networksAdvanced"]]
    inner = stack_run("local", "dev").one("network:Network", "workload").inputs
    assert inner["internal"] is True
    assert networks == [inner["name"]]


def test_a_stable_release_mirrors_to_its_candidate_where_that_is_asked_for() -> None:
    def mirrors(found: Run) -> dict[str, list[str]]:
        containers = {slot: found.one("container:Container", slot).inputs["envs"] for slot in ("stable", "candidate")}
        return {slot: [env for env in envs if env.startswith("SHADOW_URL=")] for slot, envs in containers.items()}

    shadow = {"smarthost": "mail.example.org:25", "shadow": True}
    assert mirrors(local_run(candidate=True)) == {"stable": [], "candidate": []}
    asked = local_run(candidate=True, local=shadow)
    assert mirrors(asked) == {"stable": ["SHADOW_URL=http://candidate:8000"], "candidate": []}
    alone = local_run(local=shadow).one("container:Container", "stable").inputs["envs"]
    assert not [env for env in alone if env.startswith("SHADOW_URL=")]


def test_a_replacement_is_healthy_before_the_old_container_stops() -> None:
    container = stack_run("local", "dev").one("container:Container", "stable")
    assert "name" not in container.inputs, "a fixed name would make the new container wait for the old one's end"
    assert container.inputs["wait"] is True
    assert not container.delete_before_replace
    assert stack_run("local", "dev").one("container:Container", "proxy").delete_before_replace


def test_more_replicas_are_more_containers_with_room_for_their_replacements() -> None:
    found = local_run(service={"minReplicas": 3, "maxReplicas": 3})
    assert len([container for container in found.of("container:Container") if "-stable-" in container.name]) == 3
    assert "server-template stable 1-6 stable:8000" in file_of(found, "proxy", "haproxy.cfg")


def test_the_weight_is_set_after_the_containers_and_again_for_a_new_proxy() -> None:
    found = local_run(candidate=True)
    resource = found.one("dynamic:Resource")
    assert resource.inputs["weight"] == 5
    assert resource.inputs["proxy"] == "compute-proxy-id"
    containers = {c.urn for c in found.of("container:Container") if "-stable-" in c.name or "-candidate-" in c.name}
    assert containers < set(resource.dependencies)


def test_a_new_weight_changes_no_container() -> None:
    def containers(found: Run) -> dict[str, Mapping[str, Any]]:
        return {container.urn: container.inputs for container in found.of("container:Container")}

    assert containers(local_run(candidate=True)) == containers(local_run(candidate=True, candidateWeight="50"))


def test_images_of_a_repository_are_pulled_and_the_engines_own_are_used_as_they_are() -> None:
    own = "sha256:" + "e" * 64
    found = local_run(local={"proxyImage": own, "smarthost": "mail.example.org:25"})
    assert found.one("container:Container", "proxy").inputs["image"] == own
    assert not [image for image in found.of("RemoteImage") if "proxy" in image.name]
    assert found.one("RemoteImage", "prometheus").inputs["keepLocally"] is True


def test_prometheus_finds_both_slots_and_the_alertmanager() -> None:
    found = json.loads(file_of(stack_run("local", "dev"), "prometheus", "prometheus.yml"))
    names = [scrape["dns_sd_configs"][0]["names"] for scrape in found["scrape_configs"]]
    assert names == [["stable"], ["candidate"]]
    assert found["scrape_configs"][0]["dns_sd_configs"][0]["port"] == 8001
    assert found["alerting"]["alertmanagers"][0]["static_configs"] == [{"targets": ["alertmanager:9093"]}]


@pytest.mark.parametrize("kind", ["webhook", "slack", "pagerduty", "opsgenie"])
def test_a_receivers_secret_has_a_file_of_its_own_and_the_configuration_names_it(kind: str) -> None:
    done = local_run(receivers=[{"name": "oncall", "kind": kind, "secret": "hook", "severities": ["page"]}])
    configuration = file_of(done, "alertmanager", "alertmanager.yml")
    assert SECRET not in configuration
    (receiver,) = json.loads(configuration)["receivers"][1][f"{kind}_configs"]
    assert "/config/receivers/oncall" in receiver.values()
    assert SECRET in file_of(done, "alertmanager", "receivers/oncall")
    assert isinstance(done.one("container:Container", "alertmanager").inputs["uploads"], Secret)


def test_a_webhook_in_the_clear_stands_in_the_configuration() -> None:
    url = "http://bridge:8080/alerts"
    done = local_run(receivers=[{"name": "bridge", "kind": "webhook", "address": url}])
    (receiver,) = json.loads(file_of(done, "alertmanager", "alertmanager.yml"))["receivers"][1]["webhook_configs"]
    assert receiver["url"] == url


def test_grafana_runs_only_where_its_image_is_named() -> None:
    without = stack_run("local", "dev")
    assert not [container for container in without.of("container:Container") if "grafana" in container.name]
    assert without.outputs["dashboardUrl"] == "http://127.0.0.1:9090"
    found = local_run(local={"grafanaImage": "sha256:" + "e" * 64, "smarthost": "mail.example.org:25"})
    assert "http://prometheus:9090" in file_of(found, "grafana", "provisioning/datasources/prometheus.yml")
    [provider] = json.loads(file_of(found, "grafana", "provisioning/dashboards/mlplatform.yml"))["providers"]
    for name in ("service", "objectives", "model"):
        dashboard = json.loads(file_of(found, "grafana", f"dashboards/{name}.json"))
        assert dashboard["uid"] == f"mlplatform-{name}"
    assert provider["options"]["path"] == "/config/dashboards"
    assert found.outputs["dashboardUrl"] == "http://127.0.0.1:3000"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"service": {"minReplicas": 0, "maxReplicas": 1}}, r"local cannot do scale to zero; set service\.minReplicas"),
        ({"service": {"minReplicas": 1, "maxReplicas": 2}}, r"local cannot do autoscaling; set service\.maxReplicas"),
        ({"service": {"maxReplicas": 1, "targetConcurrency": 8}}, r"remove service\.targetConcurrency"),
        ({"monitoring": {"logRetentionDays": 60}}, r"remove monitoring\.logRetentionDays"),
        ({"service": {"maxReplicas": 1, "ingress": "public"}}, r"local cannot do public ingress"),
        ({"service": {"maxReplicas": 1, "secrets": {"KEY": "x"}}}, r"local cannot do secrets by reference"),
        ({"tracking": {}}, r"local cannot do a tracking store; remove tracking .*run `make mlflow`"),
        ({"training": {}}, r"local cannot do a training job; remove training .*run `make train`"),
        ({"local": {}}, r"local cannot do e-mail without a mail server; set local\.smarthost to host:port"),
        (
            {"receivers": [{"name": "team", "kind": "email", "secret": "hook"}]},
            "local cannot do a secret e-mail address; give receiver team its address",
        ),
    ],
)
def test_what_one_machine_cannot_do_is_refused_by_name(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UnsupportedError, match=message):
        local_run(**changes)


def test_production_is_no_place_for_the_local_engine() -> None:
    release = {"image": "sha256:" + "a" * 64, "modelVersion": "0" * 16, "commit": "1" * 40}
    settings = {key: value for key, value in configuration("local", "dev").items() if key != f"{PROJECT}:image"}
    settings |= {f"{PROJECT}:environment": "prod", f"{PROJECT}:stable": release}
    with pytest.raises(UnsupportedError, match="local cannot do production; set environment to dev"):
        run(local.program, config=settings, stack_name="dev")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"port": 80}, r"local\.port is 80: not an unprivileged port"),
        ({"port": 9090}, r"local\.port is 9090: taken by another setting too"),
        ({"proxy_image": "haproxy:3.2"}, r"local\.proxy_image is 'haproxy:3\.2': not by digest"),
    ],
)
def test_a_wrong_local_setting_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        Settings(**settings)


def test_a_proxy_that_never_answers_fails_the_update(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weight, "DEADLINE_SECONDS", 0)
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as unused:
        url = f"http://127.0.0.1:{unused.server_port}"
    with pytest.raises(RuntimeError, match=f"the proxy does not answer at {url}"):
        weight.Provider().create({"url": url, "weight": 5, "proxy": "id"})


def test_a_proxy_that_is_gone_is_seen_as_drift() -> None:
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as unused:
        url = f"http://127.0.0.1:{unused.server_port}"
    props = {"url": url, "weight": 5, "proxy": "id"}
    assert weight.Provider().read(url, props).outs == {**props, "weight": None}


def test_only_another_address_replaces_the_weight() -> None:
    provider, old = weight.Provider(), {"url": "http://a", "weight": 5, "proxy": "one"}
    assert not provider.diff("id", old, old).changes
    assert provider.diff("id", old, {**old, "weight": 6}).changes
    assert not provider.diff("id", old, {**old, "proxy": "two"}).replaces
    assert provider.diff("id", old, {**old, "url": "http://b"}).replaces == ["url"]
