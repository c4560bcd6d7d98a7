"""docs/scale.md: what was measured, as a table, a plot and the stages of the largest training."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import msgspec

from bench import plots
from bench.results import Machine
from bench.scale.training import Run
from bench.tables import missing, number, table

PAGE = "scale.md"
FOLDER = "scale"
_HEAD = """\
# Scale of training

<!-- Written by `make scale` from scale/results.json; changes made by hand are lost. -->

Measured by `{command}` on {date}, commit `{commit}`, in {minutes:.0f} min: {processor}, {cores} cores, {memory} GB,
{system}, Python {python}, load average before {busy:.2f}.

A table of two classes, 28 numbers (float32), a text of 8 values and the target, read from Parquet, is learnt by
`hist_gradient_boosting` with its defaults (100 iterations at most), validated, exported, proven and reported, as `make
train` does it. Every training is a process of its own.

- **Data** is the table as 30 columns of float32 in memory: 120 bytes a row.
- **Memory** is the process's peak (resident) less what a training on 1,000 rows takes in the same stage, up to
  {own:,.0f} MB of libraries; × is that over the data. Below a million rows it says little: libraries grow while they
  work.
- **Boosting alone** is the same over what scikit-learn's estimator takes by itself, given the 28 numbers as one float32
  array: the array, its cast to float64, its split for early stopping and its bins.
- **Time** is of one thread: sums must not depend on the number of cores ([architecture.md](architecture.md)).

![Memory and time over rows]({folder}/curve.svg)

"""
_COLOURS = {"training": "#2f81f7", "not validated": "#2da44e", "boosting alone": "#bf8700"}


class Size(msgspec.Struct, frozen=True):
    """The trainings on so many rows; ``data`` and ``floor`` (boosting alone) in bytes."""

    rows: int
    data: int
    floor: int
    validated: Run
    plain: Run | None


class Found(msgspec.Struct, frozen=True):
    """A session; ``own`` and ``own_plain`` are trainings with hardly any data, whose memory is the program's."""

    machine: Machine
    own: Run
    own_plain: Run
    sizes: list[Size]


def read(docs: Path) -> Found:
    """What ``write`` kept."""
    return msgspec.json.decode((docs / FOLDER / "results.json").read_bytes(), type=Found)


def write(found: Found, docs: Path) -> None:
    """Write the page, its plot and the figures behind them under ``docs``."""
    (docs / FOLDER).mkdir(parents=True, exist_ok=True)
    (docs / FOLDER / "results.json").write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    (docs / FOLDER / "curve.svg").write_text(_curve(found), encoding="utf-8")
    (docs / PAGE).write_text(render(found), encoding="utf-8")


def render(found: Found) -> str:
    """The page."""
    here = found.machine
    head = _HEAD.format(
        command=here.command, date=here.date, commit=here.commit, minutes=here.seconds / 60, processor=here.processor,
        cores=here.cores, memory=here.memory_gb, system=here.system, python=here.python, busy=here.busy_before,
        own=found.own.peak / 1e6, folder=FOLDER,
    )  # fmt: skip
    heads = ["rows", "data", "peak", "memory", "× data", "not validated", "boosting alone", "time", "processor time"]
    lines = [
        [
            f"{size.rows:,}",
            _megabytes(size.data),
            _megabytes(size.validated.peak),
            _megabytes(max(size.validated.beyond(found.own))),
            number(max(size.validated.beyond(found.own)) / size.data),
            missing if size.plain is None else number(max(size.plain.beyond(found.own_plain)) / size.data),
            number(size.floor / size.data),
            f"{size.validated.seconds:,.0f} s",
            f"{size.validated.processor_seconds:,.0f} s",
        ]
        for size in found.sizes
    ]
    text = "## Stages\n\nThe wall time of each stage of a validated training, and its memory over the data.\n\n"
    return f"{head}{table(heads, lines)}\n{text}{_stages(found)}"


def _stages(found: Found) -> str:
    """The time and the memory of each stage at each size."""
    names = [stage.name for stage in found.sizes[0].validated.stages]
    lines: list[list[str]] = []
    for place, name in enumerate(names):
        cells: list[str] = []
        for size in found.sizes:
            stage = size.validated.stages[place]
            cells.append(f"{stage.seconds:,.1f} s, {number(size.validated.beyond(found.own)[place] / size.data)} ×")
        lines.append([name, *cells])
    return table(["stage", *(f"{size.rows:,} rows" for size in found.sizes)], lines)


def _curve(found: Found) -> str:
    """Memory over the data's size, and seconds, over rows."""
    rows = [size.rows for size in found.sizes]
    plain = [size for size in found.sizes if size.plain is not None]
    lines = {
        "training": (rows, [max(size.validated.beyond(found.own)) / size.data for size in found.sizes]),
        "not validated": (
            [size.rows for size in plain],
            [max(size.plain.beyond(found.own_plain)) / size.data for size in plain if size.plain is not None],
        ),
        "boosting alone": (rows, [size.floor / size.data for size in found.sizes]),
    }
    with mpl.rc_context(plots.STYLE):
        figure, axes = plots.canvas(2, (8.5, 3.4))
        for name, (at, values) in lines.items():
            axes[0].plot(at, values, "o-", color=_COLOURS[name], label=name)
        axes[0].set_ylabel("memory, the data = 1")
        axes[0].set_ylim(bottom=0)
        axes[1].plot(rows, [size.validated.seconds for size in found.sizes], "o-", color=_COLOURS["training"])
        axes[1].plot(
            [size.rows for size in plain],
            [size.plain.seconds for size in plain if size.plain is not None],
            "o-",
            color=_COLOURS["not validated"],
        )
        axes[1].set_ylabel("seconds")
        axes[1].set_yscale("log")
        for one in axes:
            one.set_xscale("log")
            one.set_xlabel("rows")
        figure.legend(frameon=False, loc="outside upper center", ncols=3)
        return plots.svg(figure, "Memory over the data's size, and seconds, over rows; the tables have the figures.")


def _megabytes(size: float) -> str:
    return f"{size / 1e6:,.1f} MB" if size < 1e7 else f"{size / 1e6:,.0f} MB"
