// The charts, fed by /metrics for as long as somebody looks.

import { NoAnswer, Refused, getText } from "./api.js";
import { TimeChart } from "./charts.js";
import { byId, element, write } from "./dom.js";
import { count, duration, percent, rate, time } from "./format.js";
import { History, latencyIn, perSecond } from "./history.js";
import { snapshot } from "./metrics.js";
import { MixChart } from "./mix.js";
import { whileVisible } from "./poll.js";

const SECONDS = 3;
const LATEST = 10; // rows of the table
const QUANTILES = { p50: 0.5, p95: 0.95, p99: 0.99 };
const ELSEWHERE =
  "The metrics of this service are not served here: METRICS_PORT moves them to a port of their own, which a page cannot" +
  " read. Look at them where they are collected.";

const refused = (point) => perSecond(point, "refused");
const failed = (point) => perSecond(point, "failed");
const requests = (point) => perSecond(point, "requests");
const quantileSeries = (name) => ({ kind: "line", name, value: (point) => latencyIn(point, QUANTILES[name]) });

/** Everything in the section of that name. */
export class Live {
  #history = new History();
  #elsewhere = false;
  #traffic = new TimeChart(
    byId("traffic"),
    [
      { kind: "area", name: "requests", value: requests },
      { kind: "line", name: "requests", value: requests },
    ],
    rate,
    1,
  );
  #latency = new TimeChart(byId("latency"), Object.keys(QUANTILES).map(quantileSeries), duration, 0.001);
  #errors = new TimeChart(
    byId("errors"),
    [
      { kind: "bars", name: "failed", value: failed },
      { kind: "bars", name: "refused", value: refused, base: failed },
    ],
    (value) => `${rate(value)}/s`,
    1,
  );
  #mix = new MixChart(byId("mix"));

  /** Begin to scrape. */
  start() {
    this.#draw();
    byId("figures").addEventListener("toggle", () => this.#table());
    whileVisible(SECONDS, () => this.#scrape());
  }

  /** Look for the metrics again: another process may answer now. */
  retry() {
    this.#elsewhere = false;
  }

  async #scrape() {
    if (this.#elsewhere) return;
    try {
      this.#history.take(snapshot(await getText("metrics", "text/plain")));
      this.#tell("");
    } catch (error) {
      if (error instanceof NoAnswer) return; // the state says so
      if (!(error instanceof Refused)) throw error;
      this.#elsewhere = error.status === 404;
      this.#tell(this.#elsewhere ? ELSEWHERE : `/metrics is refused with status ${error.status}: ${error.message}.`);
    }
    this.#draw();
  }

  /** Show `notice` in place of the charts, or the charts where it is empty. */
  #tell(notice) {
    write(byId("live-notice"), notice);
    byId("live-notice").hidden = notice === "";
    byId("live-summary").hidden = byId("charts").hidden = notice !== "";
  }

  #draw() {
    const history = this.#history;
    const view = history.view();
    const latest = view.points.findLast(({ gap }) => !gap);
    const current = (name) => (latest ? rate(perSecond(latest, name)) : "–");
    this.#traffic.draw(view, [
      ["requests", "requests/s", current("requests")],
      ["", "rows/s", current("rows")],
    ]);
    const latency = (name) => spell(history.latency(QUANTILES[name]), duration);
    this.#latency.draw(view, [
      ["p50", "median", latency("p50")],
      ["p95", "95 %", latency("p95")],
      ["p99", "99 %", latency("p99")],
    ]);
    const total = history.total("requests");
    const bad = history.total("refused") + history.total("failed");
    this.#errors.draw(view, [
      ["refused", "refused (4xx)", count(history.total("refused"))],
      ["failed", "failed (5xx)", count(history.total("failed"))],
      ["", `of ${count(total)} requests`, total ? percent(bad / total) : "–"],
    ]);
    this.#mix.draw(history.mix());
    this.#table();
  }

  /** The newest points as a table, while it is open. */
  #table() {
    if (!byId("figures").open) return;
    const rows = this.#history.points.slice(-LATEST).reverse();
    byId("figures-rows").replaceChildren(
      ...rows.map((point) => {
        const cells = [
          spell(requests(point), rate),
          spell(latencyIn(point, 0.5), duration),
          spell(latencyIn(point, 0.99), duration),
          spell(point.refused ?? null, count),
          spell(point.failed ?? null, count),
        ];
        return element(
          "tr",
          {},
          element("th", { scope: "row" }, time(point.time)),
          ...cells.map((text) => element("td", {}, text)),
        );
      }),
    );
  }
}

const spell = (value, format) => (value === null ? "–" : format(value));
