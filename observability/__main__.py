"""Write what compose.yaml's monitoring is made of: ``python -m observability``, as `make observability` calls it.

The files follow from the default objectives and stand in the repository, so that compose needs no Python.
"""

from __future__ import annotations

from pathlib import Path

from observability import alertmanager, grafana
from observability.alerts import Watch
from observability.rule_file import rule_file
from observability.series import Series
from observability.slo import Slo

DIRECTORY = Path(__file__).with_name("generated")
_HEADER = "# Written by `make observability`.\n"


def files() -> dict[str, str]:
    """The content of each file by its path in `DIRECTORY`."""
    watch = Watch(slo=Slo(), series=Series(), replicas=1, releases=False)
    return {
        "rules.yml": f"{_HEADER}{rule_file(watch.rules())}\n",
        # Nobody is told until compose is given a configuration with receivers; who looks at its page sees all alerts.
        "alertmanager.yml": f"{_HEADER}{alertmanager.configuration([])}\n",
        **{f"grafana/{name}": content for name, content in grafana.files(watch).items()},
    }


def write(directory: Path) -> None:
    """Make ``directory`` hold the files and no other, in place: a running composition has mounted them."""
    wanted = files()
    for name, content in wanted.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(content, encoding="utf-8")
    for path in directory.rglob("*"):
        if path.is_file() and path.relative_to(directory).as_posix() not in wanted:
            path.unlink()


if __name__ == "__main__":
    write(DIRECTORY)
