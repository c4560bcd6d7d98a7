"""What only the real engine shows of the stand-in: how it marks secrets, and in which order it replaces."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from engine import install
from engine.standin.cloud import Cloud
from engine.standin.server import serving
from tests.engine.driver import Deployment

pytestmark = pytest.mark.engine

TOKEN = "swordfish-4711"
PROGRAM = """
import pulumi, pulumi_aws as aws
config = pulumi.Config()
token = config.require_secret("token")
network = aws.ec2.Vpc("network", cidr_block=config.require("cidr"), tags={"owner": "one"})
rule = {"protocol": "tcp", "from_port": 1, "to_port": 1, "cidr_blocks": ["10.0.0.0/8"], "description": token}
aws.ec2.SecurityGroup("group", name="fixed", description="one", vpc_id=network.id, ingress=[rule])
"""


@pytest.fixture
def stack(cloud: Cloud, tmp_path: Path) -> Iterator[Deployment]:
    engine = install.find()
    assert engine is not None, "no Pulumi engine; `make pulumi` gets one"
    directory, state = tmp_path / "program", tmp_path / "state"
    directory.mkdir()
    state.mkdir()
    runtime = {"name": "python", "options": {"virtualenv": sys.prefix}}
    (directory / "Pulumi.yaml").write_text(yaml.safe_dump({"name": "mlplatform", "runtime": runtime}))
    (directory / "__main__.py").write_text(PROGRAM)
    with serving(cloud, packages=("aws",)) as server:
        environment = {
            **engine.environment(os.environ),
            **server.environment,
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_DEBUG_COMMANDS": "true",  # admits --event-log
        }
        stack = Deployment(directory, "test", state, environment, cloud, cast(Any, None))  # no data plane is asked
        assert stack.run("stack", "init").returncode == 0
        stack.set_secret("token", TOKEN)
        stack.configure({"cidr": "10.0.0.0/16", "aws:region": "eu-west-1"})
        yield stack


def test_a_secret_reaches_the_cloud_and_is_marked_wherever_it_stands_in_the_state(stack: Deployment) -> None:
    done = stack.up()
    assert done.succeeded, done.output
    assert stack.cloud.of("SecurityGroup")[0].inputs["ingress"][0]["description"] == TOKEN
    refreshed = stack.refresh()
    assert refreshed.succeeded, refreshed.output
    for shown in (done, refreshed):
        assert TOKEN not in shown.output + json.dumps(shown.events)
    state = stack.export()
    assert len(state["deployment"]["resources"]) == 4
    assert TOKEN not in json.dumps(state)


def test_what_is_in_use_is_replaced_before_it_is_deleted_unless_its_name_is_fixed(stack: Deployment) -> None:
    assert stack.up().succeeded
    first = stack.cloud.of("Vpc")[0].id
    stack.cloud.operations.clear()
    stack.configure({"cidr": "10.1.0.0/16"})
    done = stack.up()
    assert done.succeeded, done.output
    assert [(each.method, each.name) for each in stack.cloud.operations] == [
        ("create", "network"),
        ("delete", "group"),
        ("create", "group"),
        ("delete", "network"),
    ]
    assert stack.cloud.of("Vpc")[0].id != first
    stack.assert_agreement()


def test_drift_is_shown_and_repaired(stack: Deployment) -> None:
    assert stack.up().succeeded
    network = stack.cloud.of("Vpc")[0]
    network.change(tags={})
    shown = stack.refresh("--preview-only")
    assert {step.name for step in shown.touched} == {"network"}
    assert stack.up("--refresh").succeeded
    assert network.outputs["tags"] == {"owner": "one"}
