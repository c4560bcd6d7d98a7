"""Write what compose.yaml's monitoring is made of: ``python -m observability``, as `make observability` calls it.

The files follow from the default objectives and stand in the repository, so that compose needs no Python.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from observability.alerts import Watch
from observability.rule_file import rule_file
from observability.series import Series
from observability.slo import Slo

DIRECTORY = Path(__file__).with_name("generated")
_HEADER = "# Written by `make observability`.\n"


def files() -> dict[str, str]:
    """The content of each file by its path in `DIRECTORY`."""
    slo = Slo()
    watch = Watch(slo=slo, series=Series(), replicas=1, releases=False)
    return {"rules.yml": f"{_HEADER}{rule_file(watch.rules())}\n"}


def write(directory: Path) -> None:
    """Make ``directory`` hold the files and nothing else."""
    shutil.rmtree(directory, ignore_errors=True)
    for name, content in files().items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    write(DIRECTORY)
