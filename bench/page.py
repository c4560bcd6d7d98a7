"""docs/benchmarks.md: what a session found, as tables of ratios. Its words hold whatever the figures are."""

from __future__ import annotations

from pathlib import Path
from statistics import median

from bench import compare, plots
from bench.compare import USUAL
from bench.results import Curve, Figure, Footprint, Mixed, Results
from bench.servers import SEED
from bench.tables import milliseconds, missing, number, percent, table, times

PAGE = "benchmarks.md"
FOLDER = "benchmarks"
HEAD = """\
# Benchmarks

<!-- Written by `make bench` from benchmarks/results.json; changes made by hand are lost. -->

Measured by `{command}` on {date}, commit `{commit}`, in one session of {minutes:.0f} min; run it, and this page
holds your machine's figures. [performance.md](performance.md) tells how they are made and explains them.

| | |
| --- | --- |
| processor | {processor}, {cores} cores |
| memory | {memory} GB |
| system | {system}, Python {python} |
| versions | {versions} |
| busy before | {busy} (load average; a quiet machine has less than 0.2) |

## How to read it

- **Ratios.** The seed's design (FastAPI, `def` endpoint, unpickled scikit-learn model, `predict` for each request,
  prometheus_client, uvicorn) is 1; 8 means eight times as many requests a second. Absolute rates differ between
  machines and hours, ratios less. ± is half of the distance between the best and the worst round ({rounds} in all).
- **One core each.** The server has one core, with all its processes; the load comes from the other. Every server
  has one worker and its own defaults: this service counts, logs, validates and watches for drift meanwhile.
- **Turns.** In each round every server is started, measured {seconds:g} s per figure, and ended, one after the other: a
  slow minute of the machine meets all alike. Figures are medians of the rounds.
- **Bodies.** {rows:,} different rows in rotation; a body that repeats flatters large models.
- **Answers.** Before anything was timed, every server's labels were compared with scikit-learn's on all rows
  ({checked:,} labels). This service and the bare limits also send probabilities, the others labels alone.
- **Errors** are answers other than 200, broken connections and answers later than 5 s.
- **The generator** (wrk) used at most {generator} of its core; near 100 % it would be what is measured.
"""
THROUGHPUT = f"""\
## Throughput

Requests a second at {USUAL} connections, iris forest of 100 trees; the seed's design = 1. Binary tensors are
those of the [Open Inference Protocol](inference-protocol.md).
"""
OVERLOAD = """\
## Overload

Requests come at a multiple of the capacity, whether or not they are answered. Goodput is the share of the peak that
was answered with 200; shed is what was refused with 503, of what was offered; × compares with the first stage.
Recovered is a server that again answers everything within three times its p99 of the first stage.
"""


def results_file(docs: Path) -> Path:
    """Where the figures behind the page stand."""
    return docs / FOLDER / "results.json"


def write(results: Results, docs: Path) -> None:
    """Write the page and its plots under ``docs``."""
    (docs / FOLDER).mkdir(parents=True, exist_ok=True)
    (docs / PAGE).write_text(render(results), encoding="utf-8")
    (docs / FOLDER / "throughput.svg").write_text(plots.throughput(results), encoding="utf-8")
    (docs / FOLDER / "overload.svg").write_text(plots.overload(results), encoding="utf-8")


def render(results: Results) -> str:
    """The page."""
    machine = results.machine
    busiest = max((load.generator for figure in results.figures for load in figure.loads), default=None)
    head = HEAD.format(
        command=machine.command, date=machine.date, commit=machine.commit, minutes=machine.seconds / 60,
        processor=machine.processor, cores=machine.cores, memory=machine.memory_gb, system=machine.system,
        python=machine.python, versions=", ".join(f"{name} {text}" for name, text in results.versions.items()),
        busy=f"{machine.busy_before:.2f}", rounds=machine.rounds, seconds=machine.seconds_each, rows=machine.rows,
        generator=percent(busiest), checked=sum(results.checked.values()),
    )  # fmt: skip
    parts = [
        head,
        "## Aims\n\n" + _aims(results),
        f"{THROUGHPUT}\n![Throughput of every server]({FOLDER}/throughput.svg)\n\n" + _throughput(results, "iris"),
        "## By connections\n\nThe seed's design = 1 at the same connections.\n\n" + _connections(results),
        f"## Latency\n\nOf one row at {USUAL} connections; × is how many times shorter than the seed's.\n\n"
        + _latency(results),
    ]
    if any(figure.model == "large" for figure in results.figures):
        text = "300 trees on 50,000 rows of 20 features; the seed's design with the same forest = 1."
        parts.append(f"## A large forest\n\n{text}\n\n" + _throughput(results, "large"))
    if results.curves:
        parts.append(
            f"{OVERLOAD}\n![Goodput and latency]({FOLDER}/overload.svg)\n\n"
            + "\n".join(_curve(curve) for curve in results.curves)
        )
    if results.mixed:
        parts.append(
            "## Single rows beside batches\n\nSingle rows at a steady rate, alone and while four connections ask for"
            " batches without a pause.\n\n" + _mixed(results.mixed)
        )
    parts += [
        "## Start and size\n\nTo the first 200 of the health check, with the files in the system's cache; imports are"
        " measured alone.\nMemory is resident, of all the server's processes together; × compares with the seed's"
        " design.\n\n" + _footprints(results),
        "## Left out\n\n" + _absent(results),
    ]
    return "\n".join(parts)


def _aims(results: Results) -> str:
    rows = [
        [aim.what, ("≥ " if aim.least else "≤ ") + f"{aim.goal:g}", number(aim.reached), aim.verdict]
        for aim in compare.aims(results)
    ]
    return table(["aim", "goal", "reached", ""], rows)


def _throughput(results: Results, model: str) -> str:
    figures = [one for one in results.figures if one.model == model and one.connections == USUAL]
    sizes = compare.sizes(figures)
    rows: list[list[str]] = []
    for server, form in _lines(figures):
        mine = {one.rows: one for one in figures if (one.server, one.form) == (server, form)}
        cells = [_cell(results, mine.get(size)) for size in sizes]
        rows.append([f"{server}: {form}", *cells, str(sum(one.errors for one in mine.values()))])
    return table(["", *(_rows(size) for size in sizes), "errors"], rows)


def _cell(results: Results, one: Figure | None) -> str:
    """A ratio with its spread; of the seed, what it stands for."""
    if one is None:
        return missing
    text = f"{number(compare.to_seed(results, one))} ± {percent(one.spread)}"
    return f"{text} ({one.rate:,.0f}/s)" if one.server == SEED else text


def _connections(results: Results) -> str:
    figures = [one for one in results.figures if one.model == "iris" and (one.kind != "peer" or one.rows == 1)]
    many = sorted({one.connections for one in figures})
    parts: list[str] = []
    for size in compare.sizes(figures):
        sized = [one for one in figures if one.rows == size]
        rows: list[list[str]] = []
        for server, form in _lines(sized):
            mine = {one.connections: one for one in sized if (one.server, one.form) == (server, form)}
            rows.append([f"{server}: {form}", *(_cell(results, mine.get(count)) for count in many)])
        parts.append(table([_rows(size), *(_connected(count) for count in many)], rows))
    return "\n".join(parts)


def _latency(results: Results) -> str:
    seed = compare.find(results, SEED, 1)
    rows: list[list[str]] = []
    for one in results.figures:
        if (one.model, one.rows, one.connections) == ("iris", 1, USUAL):
            p50, p99 = _median(one, "p50"), _median(one, "p99")
            base = (_median(seed, "p50"), _median(seed, "p99")) if seed else (None, None)
            rows.append(
                [one.server, milliseconds(p50, base[0], shorter=True), milliseconds(p99, base[1], shorter=True)]
            )
    return table(["", "p50", "p99"], rows)


def _median(figure: Figure, name: str) -> float:
    return median(getattr(load, name) for load in figure.loads)


def _curve(curve: Curve) -> str:
    peak = compare.peak(curve)
    first = curve.points[0]
    rows = [
        [
            f"{point.multiple:g} ×", f"{number(point.offered / curve.capacity)} ×", percent(point.good / peak),
            percent(point.shed / (point.good + point.shed + point.failed or 1)),
            percent(point.failed / (point.good + point.shed + point.failed or 1)),
            milliseconds(point.p50, first.p50), milliseconds(point.p99, first.p99),
        ]
        for point in curve.points
    ]  # fmt: skip
    recovery = "not within the time watched" if curve.recovery is None else f"after {curve.recovery:.1f} s"
    title = f"**{curve.server}**, {curve.model} forest, {_rows(curve.rows)} to a request; recovered {recovery}:"
    heads = ["asked", "offered", "goodput", "shed", "failed", "p50 of accepted", "p99 of accepted"]
    return f"{title}\n\n{table(heads, rows)}"


def _mixed(found: list[Mixed]) -> str:
    rows = [
        [
            f"{one.server}, {one.model}", milliseconds(one.alone_p50, None), milliseconds(one.alone_p99, None),
            milliseconds(one.beside_p50, one.alone_p50), milliseconds(one.beside_p99, one.alone_p99), str(one.failed),
        ]
        for one in found
    ]  # fmt: skip
    return table(["", "p50 alone", "p99 alone", "p50 beside batches", "p99 beside batches", "failed"], rows)


def _footprints(results: Results) -> str:
    rows = [_footprint(one, compare.seed_footprint(results, one.model)) for one in results.footprints]
    return table(["", "first 200", "imports", "after start", "after load", "peak", "environment"], rows)


def _footprint(one: Footprint, seed: Footprint | None) -> list[str]:
    start = median(one.cold_starts)
    base = median(seed.cold_starts) if seed else None
    imports = median(one.imports) if one.imports else None
    base_imports = median(seed.imports) if seed and seed.imports else None
    sizes = [(one.started_mb, seed and seed.started_mb), (one.loaded_mb, seed and seed.loaded_mb)]
    sizes += [(one.peak_mb, seed and seed.peak_mb), (one.disk_mb, seed and seed.disk_mb)]
    return [
        f"{one.server}, {one.model}", times(start, base, "s"), times(imports, base_imports, "s"),
        *(times(size, other, "MB") for size, other in sizes),
    ]  # fmt: skip


def _absent(results: Results) -> str:
    rows = [[one.what, one.reason.replace("|", "\\|").replace("\n", " ")] for one in results.absent]
    return table(["what", "why"], rows) if rows else "Nothing.\n"


def _lines(figures: list[Figure]) -> list[tuple[str, str]]:
    """Servers and formats, in the order in which they were measured."""
    return list(dict.fromkeys((one.server, one.form) for one in figures))


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _connected(count: int) -> str:
    return "1 connection" if count == 1 else f"{count} connections"
