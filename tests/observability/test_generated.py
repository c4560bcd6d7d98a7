"""What the repository holds of generated files is what the code would write now."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from app.settings import Settings
from observability import grafana
from observability.__main__ import DIRECTORY, files, write
from observability.slo import Slo


def found(directory: Path) -> dict[str, str]:
    """The content of every file below ``directory``."""
    paths = [path for path in directory.rglob("*") if path.is_file()]
    return {path.relative_to(directory).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def test_the_generated_files_are_up_to_date() -> None:
    written, wanted = found(DIRECTORY), files()
    outdated = sorted(name for name in written.keys() | wanted.keys() if written.get(name) != wanted.get(name))
    if outdated:
        pytest.fail(f"observability/generated/ is out of date ({', '.join(outdated)}): run `make observability`")


def test_writing_leaves_nothing_of_before(tmp_path: Path) -> None:
    (tmp_path / "dropped.yml").write_text("old")
    write(tmp_path)
    assert found(tmp_path) == files()


def test_grafana_runs_in_compose_as_in_the_local_stack(repository: Path) -> None:
    service = yaml.safe_load((repository / "compose.yaml").read_text())["services"]["grafana"]
    assert service["environment"] == grafana.ENVIRONMENT
    assert service["volumes"] == [f"./observability/generated/grafana:{grafana.ROOT}:ro"]


def test_the_default_objectives_have_the_buckets_that_the_service_has_by_default() -> None:
    assert Slo().buckets == Settings().latency_buckets
