"""The local engine's part in the contract suite: what its resources answer, and how to read its stack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.components.contract import Service
from tests.components.harness import Registered, Run


def outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The engine knows a pulled image by an id; here it is its reference."""
    del name
    return {"imageId": inputs["name"]} if type_.endswith("RemoteImage") else {}


def call(token: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """The engine is only asked for the id of what was built."""
    assert token == "docker:index/getRemoteImage:getRemoteImage", f"{token}({arguments}) was called"
    return {"id": "sha256:" + "b" * 64, "name": arguments["name"], "repoDigest": ""}


def services(run: Run) -> Sequence[Service]:
    """The stable release's containers count as one service, and so do the candidate's."""
    found = [_service(run, "stable")]
    if any("-candidate-" in resource.name for resource in run.of("container:Container")):
        found.append(_service(run, "candidate"))
    return found


def _service(run: Run, slot: str) -> Service:
    """What the containers of one slot were asked to be."""
    replicas = [resource for resource in run.of("container:Container") if f"-{slot}-" in resource.name]
    container = replicas[0].inputs
    (path,) = re.findall(r"'(/health\S*)'", container["healthcheck"]["tests"][-1])
    (config,) = [upload["content"] for upload in run.one("Container", "proxy").inputs["uploads"]]
    candidate = int(run.one("dynamic:Resource").inputs["weight"])
    return Service(
        slot="stable" if slot == "stable" else "candidate",
        image=container["image"],
        env=dict(entry.split("=", 1) for entry in container["envs"]),
        public_ports=tuple(sorted({int(port) for port in re.findall(r"server-template .*:(\d+)", config)})),
        startup=path,
        readiness=path,
        liveness=path,
        grace_seconds=int(container["stopTimeout"]),
        min_replicas=len(replicas),
        max_replicas=len(replicas),
        agent_image=None,
        weight=100 - candidate if slot == "stable" else candidate,
    )


def training_variables(run: Run) -> Mapping[str, Any]:
    """This machine has no training job."""
    assert not [resource.urn for resource in run.resources if "training" in resource.name]
    return {}


def excessive_rights(run: Run) -> Sequence[str]:
    """Containers that are root, keep a capability, may gain rights, or publish a port beyond this machine."""
    found: list[str] = []
    for container in run.of("container:Container"):
        found += [f"{container.name}: {problem}" for problem in _problems(container)]
    return found


def _problems(container: Registered) -> list[str]:
    """What one container may do and need not."""
    inputs = container.inputs
    checks = {
        "is root": inputs["user"].partition(":")[0] in ("", "0", "root"),
        "keeps capabilities": inputs["capabilities"] != {"drops": ["ALL"]},
        "may gain rights": inputs["securityOpts"] != ["no-new-privileges:true"],
        "has a writable root": not inputs["readOnly"] and not inputs.get("uploads"),
        "is published": any(port["ip"] != "127.0.0.1" for port in inputs.get("ports", [])),
        "sees the engine": "docker.sock" in str(inputs),
    }
    return [problem for problem, holds in checks.items() if holds]


def data(run: Run) -> Sequence[str]:
    """Only Prometheus' volume."""
    return [resource.urn for resource in run.of("volume:Volume")]
