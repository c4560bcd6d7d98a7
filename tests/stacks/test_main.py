"""The program's entry: it runs the chosen cloud's stack and imports no other cloud's SDK."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pulumi
import pytest

from components.spec import Cloud
from tests.components.contract import configuration, fakes
from tests.components.harness import Run, run

REPOSITORY = Path(__file__).resolve().parents[2]
SDKS = {"azure": "pulumi_azure_native", "aws": "pulumi_aws", "gcp": "pulumi_gcp", "local": "pulumi_docker"}
QUESTION = """
import importlib, json, sys
importlib.import_module(sys.argv[1])
print(json.dumps(sorted(sys.modules)))
"""


def imported(module: str) -> set[str]:
    """The modules that a fresh interpreter holds after importing ``module``."""
    command = [sys.executable, "-c", QUESTION, module]
    done = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("cloud", get_args(Cloud))
def test_only_the_chosen_clouds_sdk_is_imported(cloud: Cloud) -> None:
    found = imported(f"stacks.{cloud}")
    assert SDKS[cloud] in found
    assert not [sdk for other, sdk in SDKS.items() if other != cloud and sdk in found]


def test_the_specs_and_the_configuration_need_no_sdk() -> None:
    assert not imported("stacks.config") & {*SDKS.values(), "pulumi_docker_build"}


def main(settings: dict[str, Any]) -> Run:
    """Run the entry as the language host does."""
    program = str(REPOSITORY / "__main__.py")
    call = fakes("local").call
    return run(lambda: runpy.run_path(program) and None, config=settings, stack_name="dev", call=call)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "mlplatform:cloud is not set"),
        ({"mlplatform:cloud": "ibm"}, "mlplatform:cloud is 'ibm'; choose one of azure, aws, gcp, local"),
    ],
)
def test_a_missing_or_unknown_cloud_is_answered_with_the_valid_choices(settings: dict[str, str], message: str) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        main(settings)


def test_the_entry_runs_the_chosen_clouds_program() -> None:
    assert main(configuration("local", "dev")).outputs["cloud"] == "local"
