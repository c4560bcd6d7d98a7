// Prometheus' text format, read as far as the page needs it, and what happened between two scrapes.

const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/;
const LABEL = /([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"/g;
const ESCAPES = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };
const WANTED = new Set([
  "api_requests_total",
  "api_requests_shed_total",
  "api_request_latency_seconds_bucket",
  "model_prediction_rows_total",
  "model_prediction_bin_total",
  "model_prediction_bin_expected",
  "process_start_time_seconds",
]);

/** The samples of `text` by name, each as its labels and value; of names in `wanted` alone. */
export function parse(text, wanted = WANTED) {
  const samples = new Map([...wanted].map((name) => [name, []]));
  for (const line of text.split("\n")) {
    const [, name, labels, value] = SAMPLE.exec(line) ?? [];
    if (wanted.has(name)) samples.get(name).push({ labels: parseLabels(labels ?? ""), value: parseValue(value) });
  }
  return samples;
}

function parseLabels(text) {
  return new Map(
    [...text.matchAll(LABEL)].map(([, name, value]) => [name, value.replace(/\\[n"\\]/g, (found) => ESCAPES[found])]),
  );
}

function parseValue(text) {
  return text.endsWith("Inf") ? (text.startsWith("-") ? -Infinity : Infinity) : Number(text);
}

/**
 * The counters of one scrape that the charts are made of: `requests`, `refused` (4xx) and `failed` (5xx) at the
 * endpoints that predict, `rows` predicted, `buckets` of latency by upper bound, `bins` of the predictions by label;
 * beside them the model's `version`, `expected`, the share of each bin in training, and `started`, when the process that counts began.
 */
export function snapshot(text) {
  const samples = parse(text);
  // Only predictions can be shed, so the endpoints that predict are those that say how often they were.
  const predicting = new Set(samples.get("api_requests_shed_total").map(({ labels }) => labels.get("endpoint")));
  const here = (name) => samples.get(name).filter(({ labels }) => predicting.has(labels.get("endpoint")));
  const answers = here("api_requests_total");
  const answered = (digit) => sum(answers.filter(({ labels }) => labels.get("status").startsWith(digit)));
  return {
    counters: {
      requests: sum(answers),
      refused: answered("4"),
      failed: answered("5"),
      rows: sum(samples.get("model_prediction_rows_total")),
    },
    buckets: byKey(here("api_request_latency_seconds_bucket"), (labels) => parseValue(labels.get("le"))),
    version: samples.get("model_prediction_bin_total")[0]?.labels.get("version"),
    bins: byKey(samples.get("model_prediction_bin_total"), (labels) => labels.get("bin")),
    started: sum(samples.get("process_start_time_seconds")),
    expected: byKey(samples.get("model_prediction_bin_expected"), (labels) => labels.get("bin")),
  };
}

/** What was counted from `before` to `after`; null where another process counts since, whatever its counters say. */
export function difference(before, after) {
  if (before.started !== after.started) return null;
  const counters = {};
  for (const [name, value] of Object.entries(after.counters)) counters[name] = value - before.counters[name];
  const buckets = subtract(after.buckets, before.buckets);
  const bins = subtract(after.bins, before.bins);
  const all = [...Object.values(counters), ...buckets.values(), ...bins.values()];
  return all.some((value) => value < 0) ? null : { ...counters, buckets, bins };
}

/**
 * The `share` quantile of a histogram given as cumulative counts by upper bound, interpolated within its bucket as
 * Prometheus' histogram_quantile does; null where nothing was counted, the highest finite bound where it lies beyond.
 */
export function quantile(share, buckets) {
  const bounds = [...buckets.keys()].sort((one, other) => one - other);
  const total = buckets.get(Infinity) ?? 0;
  if (total === 0) return null;
  const rank = share * total;
  const place = bounds.findIndex((bound) => buckets.get(bound) >= rank);
  const lower = place > 0 ? bounds[place - 1] : 0;
  if (bounds[place] === Infinity) return lower;
  const below = place > 0 ? buckets.get(lower) : 0;
  const inside = buckets.get(bounds[place]) - below;
  return inside === 0 ? lower : lower + ((bounds[place] - lower) * (rank - below)) / inside;
}

/** The sum of several mappings from keys to counts. */
export function add(mappings) {
  const total = new Map();
  for (const mapping of mappings) for (const [key, value] of mapping) total.set(key, (total.get(key) ?? 0) + value);
  return total;
}

function sum(samples) {
  return samples.reduce((total, { value }) => total + value, 0);
}

function byKey(samples, key) {
  return add(samples.map(({ labels, value }) => [[key(labels), value]]));
}

function subtract(after, before) {
  return new Map([...after].map(([key, value]) => [key, value - (before.get(key) ?? 0)]));
}
