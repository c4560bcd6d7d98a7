"""The charts in a real browser: they move with the traffic that a test sends, and stay small however long they run."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tests.app.console.visit import Visitor
from tests.app.models import FLOWER
from tests.app.service import Service, Start, free_port

pytestmark = pytest.mark.browser


def key(page: Page, chart: str, label: str) -> Any:
    """The figure of that label beside a chart."""
    return page.locator(f"#{chart} .keys div", has_text=label).locator("dd")


def send(service: Service, good: int, bad: int = 0, changes: dict[str, float] | None = None) -> None:
    """Some traffic: examples with these changes that are predicted, and rows that are refused."""
    instance = service.client.get("/model").json()["example"]["instance"] | (changes or {})
    for _ in range(good):
        service.client.post("/predict", json=instance)
    for _ in range(bad):
        service.client.post("/predict", json={})


def test_the_charts_move_with_the_traffic(visit: Visitor, start_service: Start, flowers: Any) -> None:
    service = start_service(flowers)
    send(service, good=5)  # before the page opened: no matter of its charts
    page = visit(service).page
    expect(page.locator("#traffic .keys dd").first).to_have_text("0")
    drawings = {name: page.locator(f"#{name} svg path:last-child") for name in ("traffic", "latency", "errors")}
    still = {name: path.get_attribute("d") for name, path in drawings.items()}
    send(service, good=30, bad=6)
    expect(key(page, "errors", "refused")).to_have_text("6")
    expect(key(page, "errors", "failed")).to_have_text("0")
    expect(key(page, "errors", "of 36 requests")).to_have_text("16.7\u00a0%")
    expect(key(page, "mix", "rows")).to_have_text("30")
    expect(key(page, "latency", "median")).to_contain_text("s")
    for name, path in drawings.items():
        assert path.get_attribute("d") != still[name], name
    mix = page.get_by_role("list", name="Share of each answer").get_by_role("listitem")
    expect(mix).to_contain_text(["setosa100\u00a0%", "versicolor0\u00a0%", "virginica0\u00a0%"])
    expect(mix.first).to_contain_text("training 33.3\u00a0%")
    send(service, good=10, changes={"petal length (cm)": 6.0, "petal width (cm)": 2.5})
    expect(mix).to_contain_text(["setosa75\u00a0%", "versicolor0\u00a0%", "virginica25\u00a0%"])


def test_what_a_chart_shows_is_told_in_words_and_as_a_table(visit: Visitor, iris_service: Service) -> None:
    page = visit(iris_service).page
    page.get_by_text("The latest figures as a table").click()
    send(iris_service, good=8, bad=2)
    errors = page.get_by_role("img", name="Errors")
    told = (
        r"Errors over the last 60 seconds: refused \(4xx\) 2, failed \(5xx\) 0, of 10 requests 20\s%; highest 0\.\d/s\."
    )
    expect(errors).to_have_accessible_name(re.compile(told))
    rows = page.locator("#figures-rows tr")
    expect(rows.filter(has_text="µs").or_(rows.filter(has_text="ms"))).not_to_have_count(0)
    page.wait_for_timeout(7_000)
    counted = rows.locator("td:nth-child(5)").all_inner_texts()
    assert sum(int(text) for text in counted) == 2


def test_a_regressions_answers_are_counted_by_interval(visit: Visitor, diabetes_service: Service) -> None:
    page = visit(diabetes_service).page
    expect(page.locator("#mix li")).to_have_count(10)
    expect(page.locator("#mix .class").first).to_contain_text("up to 7")
    expect(page.locator("#mix .class").last).to_contain_text("above 2")
    send(diabetes_service, good=12)
    expect(key(page, "mix", "rows")).to_have_text("12")
    expect(page.locator("#mix .share", has_text="100\u00a0%")).to_have_count(1)


def test_where_metrics_have_a_port_of_their_own_the_page_says_so(
    visit: Visitor, start_service: Start, flowers: Any
) -> None:
    one = visit(start_service(flowers, METRICS_PORT=free_port()))
    one.tolerated.append("status of 404")
    expect(one.page.locator("#live-notice")).to_contain_text("METRICS_PORT moves them to a port of their own")
    expect(one.page.locator("#charts")).to_be_hidden()
    one.page.wait_for_timeout(7_000)
    assert len([url for url in one.requests if url.endswith("/metrics")]) == 1
    assert one.sent() == FLOWER
    expect(one.page.locator("#prediction")).to_have_text("setosa")


def test_a_page_that_nobody_sees_asks_nothing(visit: Visitor, iris_service: Service) -> None:
    one = visit(iris_service)

    def hide(hidden: str) -> None:
        one.page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{configurable: true, get: () => {hidden}}});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )

    hide("true")
    one.page.wait_for_timeout(1_000)  # what was under way
    before = len(one.requests)
    one.page.wait_for_timeout(7_000)
    assert len(one.requests) == before
    with one.page.expect_request("**/metrics"), one.page.expect_request("**/health"):
        hide("false")


def test_a_day_of_scrapes_takes_no_more_memory_than_five_minutes(visit: Visitor, iris_service: Service) -> None:
    page = visit(iris_service).page
    sizes = page.evaluate(
        """async () => {
          const { History } = await import("/console/history.js");
          const { TimeChart } = await import("/console/charts.js");
          const { perSecond } = await import("/console/history.js");
          const figure = document.getElementById("traffic");
          const value = (point) => perSecond(point, "requests");
          const chart = new TimeChart(figure, [{ kind: "line", name: "requests", value }], String, 1);
          const history = new History();
          const sizes = [];
          for (let turn = 0; turn < 28_800; turn++) {
            const counters = { requests: turn * turn, refused: 0, failed: 0, rows: 0 };
            history.take({ counters, buckets: new Map(), bins: new Map(), expected: new Map() }, turn * 3);
            if (turn % 100) continue;
            chart.draw(history.view(turn * 3), [["", "requests", `${turn}`]]);
            const [elements, path] = [document.querySelectorAll("*").length, chart.paths[0].getAttribute("d")];
            sizes.push([history.points.length, elements, path.length]);
          }
          return sizes;
        }"""
    )
    settled = sizes[2:]
    assert {points for points, _, _ in settled} == {101}
    assert len({elements for _, elements, _ in settled}) == 1
    assert max(length for _, _, length in settled) < 2_000


def test_counts_of_another_process_are_not_taken_for_an_increase(visit: Visitor, iris_service: Service) -> None:
    gaps = visit(iris_service).page.evaluate(
        """async () => {
          const { History } = await import("/console/history.js");
          const history = new History();
          const scrapes = [[1, 10], [1, 12], [2, 15], [2, 16], [2, 3]]; // when the process began, its requests
          scrapes.forEach(([started, requests], turn) => {
            const counters = { requests, refused: 0, failed: 0, rows: 0 };
            history.take({ started, counters, buckets: new Map(), bins: new Map(), expected: new Map() }, turn * 3);
          });
          return [history.points.map(({ gap, requests }) => (gap ? "gap" : requests)), history.total("requests")];
        }"""
    )
    assert gaps == [[2, "gap", 1, "gap"], 3]


def test_the_pages_parser_reads_what_prometheus_own_reads(visit: Visitor, iris_service: Service) -> None:
    registry = CollectorRegistry()
    odd = Counter("odd", "With a } and a # { in it.", ("label", "other"), registry=registry)
    for number, text in enumerate(['quote "', "back\\slash", "line\nbreak", "brace } 7", 'comma, a="b"', "", "\\n"]):
        odd.labels(text, "x").inc(number + 0.5)
    Histogram("wide", "Bounds.", buckets=(0.5, math.inf), registry=registry).observe(1e300)
    text = generate_latest(registry).decode()
    expected = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    page = visit(iris_service).page
    found = page.evaluate(
        """async ([text, names]) => {
          const { parse } = await import("/console/metrics.js");
          const samples = [...parse(text, new Set(names))];
          return samples.flatMap(([name, each]) => each.map(({ labels, value }) => [name, [...labels], value]));
        }""",
        [text, sorted({name for name, _ in expected})],
    )
    read = {(name, tuple(sorted(map(tuple, labels)))): value for name, labels, value in found}
    assert read == expected


@pytest.mark.parametrize(
    ("share", "buckets", "expected"),
    [
        (0.5, [(0.1, 10), (0.2, 20), ("inf", 20)], 0.1),
        (0.75, [(0.1, 10), (0.2, 20), ("inf", 20)], 0.15),
        (0.99, [(0.1, 0), (0.2, 100), ("inf", 100)], 0.199),
        (0.25, [(0.1, 8), (0.2, 8), ("inf", 8)], 0.025),
        (0.99, [(0.1, 1), (0.2, 1), ("inf", 2)], 0.2),
        (0.5, [(0.1, 0), (0.2, 0), ("inf", 0)], None),
        (0.5, [], None),
    ],
    ids=str,
)
def test_quantiles_are_those_of_histogram_quantile(
    visit: Visitor, iris_service: Service, share: float, buckets: list[tuple[Any, int]], expected: float | None
) -> None:
    found = visit(iris_service).page.evaluate(
        """async ([share, buckets]) => {
          const { quantile } = await import("/console/metrics.js");
          return quantile(share, new Map(buckets.map(([bound, count]) => [bound === "inf" ? Infinity : bound, count])));
        }""",
        [share, buckets],
    )
    assert found == (None if expected is None else pytest.approx(expected))
