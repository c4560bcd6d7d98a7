// The model's card: what the manifest and /health tell of what serves.

import { byId, element } from "./dom.js";
import { kind } from "./fields.js";
import { count, moment, number, words } from "./format.js";
import { keyed } from "./key.js";

const REPORT = "report.html";
const MOST_CATEGORIES = 12;
const METRICS = { f1_macro: "F1, macro", roc_auc: "ROC AUC", r2: "R²", mae: "MAE", rmse: "RMSE" };

/** Show what `manifest` tells. */
export function showCard(manifest) {
  byId("scores").replaceChildren(
    ...Object.entries(manifest.metrics).map(([name, value]) => row(METRICS[name] ?? words(name), number(value))),
  );
  byId("facts").replaceChildren(
    row("Version", element("code", {}, manifest.version)),
    row("Estimator", words(manifest.estimator)),
    row("Task", `${manifest.task} of ${manifest.target}`),
    row("Trained", element("span", { id: "trained" })),
    row("Data", `${count(manifest.data.rows)} rows of ${manifest.data.source}`),
    row("Release", element("span", { id: "release" })),
  );
  byId("features").replaceChildren(
    ...manifest.features.map((feature) =>
      element(
        "tr",
        {},
        element("th", { scope: "row" }, feature.name),
        element("td", {}, kind(feature)),
        element("td", {}, seen(feature)),
      ),
    ),
  );
  byId("report").replaceChildren(report(manifest));
  byId("endpoints").hidden = keyed();
}

/** Add what only /health tells; the card is there already. */
export function showHealth(health) {
  const created = health.model_created;
  byId("trained").replaceChildren(
    created ? element("time", { datetime: created }, moment(new Date(created))) : "not recorded in the artifact",
  );
  byId("release").replaceChildren(health.release ? element("code", {}, health.release) : "none set");
}

/** The way to the report. A link carries no key, so where one is needed it would lead nowhere. */
function report(manifest) {
  if (!Object.hasOwn(manifest.files, REPORT)) return "This artifact holds no training report.";
  if (keyed()) return element("span", {}, "The training report is at ", element("code", {}, "/model/report"), ", with the key.");
  return element("a", { href: "model/report" }, "Open the training report");
}

function row(name, value) {
  return element("div", {}, element("dt", {}, name), element("dd", {}, value));
}

function seen(feature) {
  if (feature.type === "boolean") return "true, false";
  if (feature.type === "number") {
    return feature.minimum === null ? "" : `${number(feature.minimum)} to ${number(feature.maximum)}`;
  }
  const shown = feature.categories.slice(0, MOST_CATEGORIES).join(", ");
  const more = feature.categories.length - MOST_CATEGORIES;
  return more > 0 ? `${shown} and ${count(more)} more` : shown;
}
