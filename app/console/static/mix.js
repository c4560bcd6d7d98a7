// How the predictions are spread over classes, or over intervals of a number, beside how they were in training.

import { showKeys } from "./charts.js";
import { element, write } from "./dom.js";
import { count, percent } from "./format.js";

const MOST_BARS = 12; // the rest are only counted
const ONE_COLUMN = 5;
const INTERVAL = /^\((-?[\w.+-]+),(\+?[\w.+-]+)\]$/;

/** A list of bars in `figure`. */
export class MixChart {
  #rows = new Map();

  constructor(figure) {
    this.keys = element("dl", { class: "keys" });
    this.list = element("ol", { class: "mix", "aria-label": "Share of each answer" });
    this.rest = element("p", { class: "rest", hidden: true });
    figure.append(this.keys, this.list, this.rest);
  }

  /** Show the counts `live` by bin next to the shares `expected` from training. */
  draw({ live, expected }) {
    const total = [...live.values()].reduce((sum, value) => sum + value, 0);
    const share = (bin) => (total ? live.get(bin) / total : 0);
    const bins = [...live.keys()];
    const shown = bins.length > MOST_BARS ? bins.sort((one, other) => share(other) - share(one)).slice(0, MOST_BARS) : bins;
    if (shown.join("\n") !== [...this.#rows.keys()].join("\n")) this.#make(shown);
    for (const [bin, row] of this.#rows) {
      const usual = expected.get(bin);
      write(row.share, total ? percent(share(bin)) : "–");
      write(row.usual, usual === undefined ? "" : `training ${percent(usual)}`);
      row.bar.style.setProperty("--share", share(bin));
      row.bar.style.setProperty("--usual", usual ?? -1);
    }
    const hidden = bins.length - shown.length;
    this.rest.hidden = hidden === 0;
    write(this.rest, `${count(hidden)} rarer ones are not shown.`);
    showKeys(this.keys, [["", "rows", count(total)], ["usual", "share in training", ""]]);
  }

  #make(bins) {
    this.#rows.clear();
    for (const bin of bins) {
      const fill = element("span", { class: "fill" });
      const row = {
        share: element("span", { class: "share" }),
        usual: element("span", { class: "hidden" }),
        bar: element("span", { class: "bar", "aria-hidden": "true" }, fill, element("span", { class: "usual" })),
      };
      row.node = element("li", {}, element("span", { class: "class" }, readable(bin)), row.share, row.usual, row.bar);
      this.#rows.set(bin, row);
    }
    this.list.classList.toggle("many", bins.length > ONE_COLUMN);
    this.list.replaceChildren(...[...this.#rows.values()].map(({ node }) => node));
  }
}

/** The name of a bin: intervals as the service names them, such as (1.5,3.9], in words. */
function readable(bin) {
  const [, low, high] = INTERVAL.exec(bin) ?? [];
  if (low === undefined) return bin;
  if (low === "-inf") return high === "+inf" ? "any number" : `up to ${high}`;
  return high === "+inf" ? `above ${low}` : `${low} to ${high}`;
}
