// The service's endpoints, asked from the page. Addresses are relative: the page may be served below a prefix.

import { demandKey, keyHeaders, refusal } from "./key.js";

const PATIENCE = 10_000; // milliseconds until a server that does not answer counts as gone
const OPEN = "health"; // asked without a key, too

/** The service did not answer at all. */
export class NoAnswer extends Error {}

/** The service answered with a problem (RFC 9457). */
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.detail ?? problem.title ?? `status ${status}`);
    this.status = status;
    this.problem = problem;
  }
}

/** The text of `path`; throws NoAnswer or Refused. */
export async function getText(path, accept = "application/json") {
  return (await ask(path, { headers: { accept } })).text;
}

/** The content of `path`; throws NoAnswer or Refused. */
export const getJson = async (path) => JSON.parse(await getText(path));

/** Predict `instance`: the answer, how long it took in seconds and the request's id. Throws NoAnswer or Refused. */
export async function predict(instance) {
  const started = performance.now();
  const body = JSON.stringify(instance);
  const { text, response } = await ask("predict", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  const seconds = (performance.now() - started) / 1000;
  return { answer: JSON.parse(text), seconds, requestId: response.headers.get("x-request-id") };
}

async function ask(path, { headers, ...options }) {
  if (refusal() !== null && path !== OPEN) throw new Refused(401, { detail: refusal() });
  let response, text;
  try {
    response = await fetch(path, {
      ...options,
      headers: { ...headers, ...keyHeaders() },
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE),
    });
    text = await response.text();
  } catch (error) {
    throw new NoAnswer("the service does not answer", { cause: error });
  }
  if (!response.ok) {
    const refused = new Refused(response.status, problemIn(text));
    if (refused.status === 401) demandKey(refused.message);
    throw refused;
  }
  return { text, response };
}

function problemIn(text) {
  try {
    const problem = JSON.parse(text);
    return typeof problem === "object" && problem !== null ? problem : {};
  } catch {
    return {}; // a proxy's own page
  }
}
