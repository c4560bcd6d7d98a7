// What the scrapes of the last minutes tell, in bounded memory however long the page stays open.

import { add, difference, quantile } from "./metrics.js";

const SPANS = [60, 120, 300]; // seconds; the axis grows with what there is to show, to the longest
const WINDOW = SPANS.at(-1);

/**
 * The intervals between scrapes, oldest first. A point has `at` and `seconds` (when it ended on the page's clock that
 * never jumps, and its length), `time` (a Date), the model's `version`, and what was counted in between, or `gap` where
 * that is not known.
 */
export class History {
  points = [];
  #before = null;

  /** Take in the snapshot of a scrape made just now. */
  take(snapshot, now = performance.now() / 1000) {
    if (this.#before !== null) {
      const counted = difference(this.#before.snapshot, snapshot);
      const { version } = snapshot;
      const point = { at: now, seconds: now - this.#before.at, time: new Date(), version };
      this.points.push(counted === null ? { ...point, gap: true } : { ...point, ...counted });
    }
    this.#before = { snapshot, at: now };
    while (this.points.length && this.points[0].at < now - WINDOW) this.points.shift();
  }

  /** What a chart over time draws at this moment: the points, and how many seconds up to `now` it spans. */
  view(now = performance.now() / 1000) {
    const age = this.points.length ? now - this.points[0].at + this.points[0].seconds : 0;
    return { points: this.points, now, span: SPANS.find((span) => span >= age) ?? WINDOW };
  }

  /** The sum of `name` over the window. */
  total(name) {
    return this.#counted().reduce((sum, point) => sum + point[name], 0);
  }

  /** The predictions by bin of the model that serves now: `live` counts in the window, `expected` shares. */
  mix() {
    if (this.#before === null) return { live: new Map(), expected: new Map() };
    const { version, expected, bins } = this.#before.snapshot;
    const none = new Map([...bins.keys()].map((bin) => [bin, 0]));
    const same = this.#counted().filter((point) => point.version === version);
    return { live: add([none, ...same.map((point) => point.bins)]), expected };
  }

  /** The `share` quantile of latency over the window in seconds, null without a request. */
  latency(share) {
    return quantile(share, add(this.#counted().map(({ buckets }) => buckets)));
  }

  #counted() {
    return this.points.filter(({ gap }) => !gap);
  }
}

/** A counter of `point` per second; null where it is not known. */
export const perSecond = (point, name) => (point.gap ? null : point[name] / point.seconds);

/** The `share` quantile of latency in `point` in seconds; null without a request. */
export const latencyIn = (point, share) => (point.gap ? null : quantile(share, point.buckets));
