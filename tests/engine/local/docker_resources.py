"""The Docker resources of the local stack, created, read and removed in a real engine as the official plugin does.

Its behaviour was read in the Terraform provider below it (kreuzwerker/docker, ``internal/provider``):

- a container is created, put on its networks, gets its files, is started and, with ``wait``, must turn healthy;
- what is reported is in the engine's own spelling: 60 s are ``1m0s``, an image is its id;
- a container that does not run is removed when it is read, and counts as gone;
- nearly every change replaces (``ForceNew``).

Unlike there, nothing is left of a container that could not be started.
"""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from docker import APIClient
from docker.errors import DockerException, NotFound
from docker.types import IPAMConfig, IPAMPool, LogConfig

MEGABYTE = 1 << 20
Values = dict[str, Any]
Properties = Mapping[str, Sequence[str] | None]
"""The properties that are implemented; for an object or a list of objects, those of the object."""


class Kind(NamedTuple):
    """One type of resource. ``read`` answers None for one that is gone; ``kept`` are changed without a replacement."""

    properties: Properties
    create: Callable[[APIClient, Values], str]
    read: Callable[[APIClient, str, Values], Values | None]
    delete: Callable[[APIClient, str, Values], None]
    kept: frozenset[str] = frozenset()
    update: Callable[[APIClient, str, Values], None] | None = None


# ---- networks and volumes ----


def _create_network(engine: APIClient, inputs: Values) -> str:
    pools = [IPAMPool(subnet=config["subnet"]) for config in inputs.get("ipamConfigs", [])]
    return engine.create_network(
        inputs["name"],
        driver=inputs["driver"],
        internal=inputs.get("internal", False),
        ipam=IPAMConfig(pool_configs=pools),
        labels=_labels(inputs),
        check_duplicate=True,
    )["Id"]


def _read_network(engine: APIClient, id_: str, _inputs: Values) -> Values | None:
    found = engine.inspect_network(id_)
    return {
        "name": found["Name"],
        "driver": found["Driver"],
        "internal": found["Internal"],
        "ipamConfigs": [{"subnet": config["Subnet"]} for config in found["IPAM"]["Config"]],
    }


def _create_volume(engine: APIClient, inputs: Values) -> str:
    return engine.create_volume(inputs["name"], labels=_labels(inputs))["Name"]


def _read_volume(engine: APIClient, id_: str, _inputs: Values) -> Values | None:
    found = engine.inspect_volume(id_)
    return {"name": found["Name"], "driver": found["Driver"], "mountpoint": found["Mountpoint"]}


def _delete_network(engine: APIClient, id_: str, _inputs: Values) -> None:
    engine.remove_network(id_)


def _delete_volume(engine: APIClient, id_: str, _inputs: Values) -> None:
    engine.remove_volume(id_)


# ---- images ----


def _find_image(engine: APIClient, inputs: Values) -> str:
    """The plugin pulls only what the engine does not hold."""
    try:
        return engine.inspect_image(inputs["name"])["Id"] + inputs["name"]
    except NotFound:
        engine.pull(inputs["name"])
        return engine.inspect_image(inputs["name"])["Id"] + inputs["name"]


def _read_image(engine: APIClient, _id: str, inputs: Values) -> Values | None:
    return {"imageId": engine.inspect_image(inputs["name"])["Id"]}


def _delete_image(engine: APIClient, _id: str, inputs: Values) -> None:
    if not inputs.get("keepLocally"):
        engine.remove_image(inputs["name"])


# ---- containers ----


def _create_container(engine: APIClient, inputs: Values) -> str:
    ports = inputs.get("ports", [])
    healthcheck = inputs.get("healthcheck")
    host = engine.create_host_config(
        binds=[f"{volume['volumeName']}:{volume['containerPath']}" for volume in inputs.get("volumes", [])],
        port_bindings={port["internal"]: (port["ip"], port["external"]) for port in ports},
        read_only=inputs.get("readOnly", False),
        tmpfs=inputs.get("tmpfs"),
        cap_drop=inputs.get("capabilities", {}).get("drops"),
        security_opt=inputs.get("securityOpts"),
        mem_limit=f"{inputs['memory']}m",
        memswap_limit=f"{inputs['memorySwap']}m",
        nano_cpus=round(float(inputs["cpus"]) * 1e9) if "cpus" in inputs else None,
        restart_policy={"Name": inputs["restart"]},
        log_config=LogConfig(type=inputs["logDriver"], config=inputs.get("logOpts", {})),
    )
    created = engine.create_container(
        inputs["image"],
        name=inputs["name"],
        command=inputs.get("command"),
        entrypoint=inputs.get("entrypoints"),
        environment=inputs.get("envs"),
        user=inputs.get("user"),
        ports=[port["internal"] for port in ports],
        labels=_labels(inputs),
        healthcheck=_health(healthcheck) if healthcheck else None,
        stop_timeout=inputs.get("stopTimeout"),
        host_config=host,
        use_config_proxy=False,
    )["Id"]
    try:
        engine.disconnect_container_from_network(created, "bridge")
        for network in inputs["networksAdvanced"]:
            engine.connect_container_to_network(created, network["name"], aliases=network.get("aliases"))
        if uploads := inputs.get("uploads"):
            engine.put_archive(created, "/", _archive(uploads))
        engine.start(created)
        if inputs.get("wait"):
            _await_health(engine, created, inputs["waitTimeout"])
    except (DockerException, RuntimeError):
        engine.remove_container(created, force=True, v=True)
        raise
    return created


def _archive(uploads: Sequence[Values]) -> bytes:
    """The files as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for upload in uploads:
            content = upload["content"].encode()
            entry = tarfile.TarInfo(upload["file"].lstrip("/"))
            entry.size, entry.mode = len(content), int(upload["permissions"], 8)
            entry.uid, entry.gid = int(upload["owner"]), int(upload["group"])
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _await_health(engine: APIClient, id_: str, seconds: float) -> None:
    """Until the container is healthy; RuntimeError with the end of its log otherwise."""
    deadline = time.monotonic() + seconds
    while (status := engine.inspect_container(id_)["State"]["Health"]["Status"]) != "healthy":
        if status == "unhealthy" or time.monotonic() > deadline:
            log = engine.logs(id_, tail=20).decode(errors="replace")
            raise RuntimeError(f"the container is {status} and not healthy within {seconds} s; it said:\n{log}")
        time.sleep(0.1)


def _read_container(engine: APIClient, id_: str, inputs: Values) -> Values | None:
    found = engine.inspect_container(id_)
    if not found["State"]["Running"]:
        _delete_container(engine, id_, inputs)
        return None
    config, host = found["Config"], found["HostConfig"]
    health = config.get("Healthcheck")
    bindings = sorted((int(port.split("/")[0]), bound) for port, bound in (host["PortBindings"] or {}).items())
    return {
        "name": found["Name"].removeprefix("/"),
        "image": found["Image"],
        "command": config["Cmd"],
        "entrypoints": config["Entrypoint"],
        "user": config["User"],
        "readOnly": host["ReadonlyRootfs"],
        "tmpfs": host.get("Tmpfs"),
        "capabilities": {"drops": host.get("CapDrop")},
        "securityOpts": host.get("SecurityOpt"),
        "memory": host["Memory"] // MEGABYTE,
        "memorySwap": host["MemorySwap"] // MEGABYTE,
        "cpus": f"{host['NanoCpus'] / 1e9:g}",
        "restart": host["RestartPolicy"]["Name"],
        "logDriver": host["LogConfig"]["Type"],
        "logOpts": host["LogConfig"]["Config"],
        "ports": [
            {"internal": internal, "external": int(port["HostPort"]), "ip": port["HostIp"]}
            for internal, bound in bindings
            for port in bound
        ],
        "healthcheck": health
        and {
            "tests": health["Test"],
            "interval": _duration(health["Interval"]),
            "timeout": _duration(health["Timeout"]),
            "startPeriod": _duration(health["StartPeriod"]),
            "retries": health["Retries"],
        },
    }


def _health(check: Values) -> Values:
    """The health check for the engine, which counts in nanoseconds."""
    return {
        "test": check["tests"],
        "interval": _nanoseconds(check["interval"]),
        "timeout": _nanoseconds(check["timeout"]),
        "start_period": _nanoseconds(check["startPeriod"]),
        "retries": check["retries"],
    }


def _nanoseconds(duration: str) -> int:
    """A duration of minutes and seconds (``1m30s``)."""
    minutes, _, seconds = duration.rpartition("m")
    return (int(minutes or 0) * 60 + int(seconds.removesuffix("s"))) * 1_000_000_000


def _duration(nanoseconds: int) -> str:
    """As Go writes it, and so the plugin: 60 s are ``1m0s``."""
    minutes, seconds = divmod(nanoseconds // 1_000_000_000, 60)
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"


def _update_container(engine: APIClient, id_: str, inputs: Values) -> None:
    engine.update_container(
        id_,
        mem_limit=f"{inputs['memory']}m",
        memswap_limit=f"{inputs['memorySwap']}m",
        restart_policy={"Name": inputs["restart"]},
    )


def _delete_container(engine: APIClient, id_: str, inputs: Values) -> None:
    engine.stop(id_, timeout=inputs["destroyGraceSeconds"])
    engine.remove_container(id_, force=True, v=True)


def _labels(inputs: Values) -> dict[str, str]:
    """The labels, which the plugin takes as a list."""
    return {label["label"]: label["value"] for label in inputs.get("labels", [])}


_LABEL = ("label", "value")
KINDS = {
    "docker:index/network:Network": Kind(
        {"name": None, "driver": None, "internal": None, "ipamConfigs": ("subnet",), "labels": _LABEL},
        _create_network, _read_network, _delete_network,
    ),
    "docker:index/volume:Volume": Kind(
        {"name": None, "labels": _LABEL},
        _create_volume, _read_volume, _delete_volume,
    ),
    "docker:index/remoteImage:RemoteImage": Kind(
        {"name": None, "keepLocally": None, "pullTriggers": None},
        _find_image, _read_image, _delete_image, kept=frozenset({"keepLocally"}),
    ),
    "docker:index/container:Container": Kind(
        {
            "name": None, "image": None, "command": None, "entrypoints": None, "envs": None, "user": None,
            "readOnly": None, "tmpfs": None, "securityOpts": None, "memory": None, "memorySwap": None, "cpus": None,
            "restart": None, "wait": None, "waitTimeout": None, "stopTimeout": None, "destroyGraceSeconds": None,
            "logDriver": None, "logOpts": None, "labels": _LABEL, "capabilities": ("drops",),
            "ports": ("internal", "external", "ip"), "networksAdvanced": ("name", "aliases"),
            "volumes": ("volumeName", "containerPath"),
            "uploads": ("file", "content", "owner", "group", "permissions"),
            "healthcheck": ("tests", "interval", "timeout", "startPeriod", "retries"),
        },
        _create_container, _read_container, _delete_container,
        kept=frozenset({"memory", "memorySwap", "restart", "wait", "waitTimeout", "destroyGraceSeconds"}),
        update=_update_container,
    ),
}  # fmt: skip
