// What came of a request: the prediction with its probabilities, or the problem. Also said to who cannot see it.

import { byId, element, write } from "./dom.js";
import { count, duration, number, percent } from "./format.js";

const MOST_BARS = 12; // classes shown; the rest share a line

/** Show the answer to a row of the model of `manifest`. */
export function showPrediction({ answer, seconds, requestId }, manifest) {
  const { prediction, probabilities } = answer;
  const shown = typeof prediction === "number" ? number(prediction) : String(prediction);
  const parts = [
    element("p", { class: "target" }, manifest.target),
    element("p", { class: "prediction", id: "prediction" }, shown),
  ];
  let said = `Predicted ${manifest.target}: ${shown}`;
  if (probabilities) {
    parts.push(bars(probabilities));
    said += `, probability ${percent(Math.max(...Object.values(probabilities)))}`;
  }
  parts.push(facts({ Model: answer.model_version, "Round trip": duration(seconds), Request: requestId }));
  display("answered", parts, `${said}. Answered in ${duration(seconds)}.`);
  reveal();
}

/** Show why there is no prediction; `items` are list items that tell which values are to blame. Moves nothing. */
export function showProblem(error, items) {
  const problem = error.problem ?? {};
  const title = problem.title ?? "No answer";
  const parts = [
    element("p", { class: "problem", id: "problem" }, title),
    element("p", { class: "why" }, `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.`),
  ];
  if (items.length) parts.push(element("ul", { class: "blame" }, ...items));
  parts.push(facts({ Status: error.status, Request: problem.instance, "Error id": problem.error_id }));
  display("refused", parts, `${title}: ${error.message}.`);
}

/** The likeliest classes, each with its probability as a figure and as a bar. */
function bars(probabilities) {
  const sorted = Object.entries(probabilities).sort(([, one], [, other]) => other - one);
  const items = sorted.slice(0, MOST_BARS).map(([name, share], place) => {
    const fill = element("span", { class: "fill" });
    fill.style.setProperty("--share", share); // a style attribute would be against the page's policy
    return element(
      "li",
      { class: place === 0 ? "first" : null },
      element("span", { class: "class" }, name),
      element("span", { class: "share" }, percent(share)),
      element("span", { class: "bar", "aria-hidden": "true" }, fill),
    );
  });
  const rest = sorted.slice(MOST_BARS);
  if (rest.length) {
    const share = rest.reduce((sum, [, each]) => sum + each, 0);
    items.push(element("li", { class: "rest" }, `${count(rest.length)} more classes: ${percent(share)}`));
  }
  return element("ol", { class: "probabilities", "aria-label": "Probabilities" }, ...items);
}

function facts(entries) {
  const known = Object.entries(entries).filter(([, value]) => value !== undefined && value !== null);
  const rows = known.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, element("code", {}, String(value)))),
  );
  return element("dl", { class: "meta" }, ...rows);
}

function display(outcome, parts, said) {
  const result = byId("result");
  result.dataset.outcome = outcome;
  byId("answer").replaceChildren(...parts);
  byId("announcement").textContent = ""; // the same answer twice is news twice
  requestAnimationFrame(() => write(byId("announcement"), said));
}

/** Bring what came of the request into view, where the page is too narrow to show it beside the form. */
export function reveal() {
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("result").scrollIntoView({ block: "nearest", behavior: still ? "instant" : "smooth" });
}
