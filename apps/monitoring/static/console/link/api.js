/** The server's API, by the session of this browser. */

/** What the server refused, or that it could not be reached (status 0). */
export class Refusal extends Error {
  /** @param {number} status @param {Record<string, any>} answer */
  constructor(status, answer) {
    super(String(answer.detail ?? status));
    this.status = status;
    this.answer = answer;
  }

  /** Why, with the fields' names where there are any. */
  get why() {
    const fields = Object.entries(this.answer).filter(([, why]) => Array.isArray(why));
    return fields.length ? fields.map(([name, why]) => `${name}: ${why.join(" ")}`).join(" ") : this.message;
  }
}

const PATIENCE_MS = 10_000;

export class Api {
  /** @param {string} csrf @param {(why: "signed_out" | "no_dispatcher") => void} ended told when the session is over */
  constructor(csrf, ended) {
    this.csrf = csrf;
    this.ended = ended;
  }

  /** @param {string} path @param {Record<string, string | string[]>} [query] @returns {Promise<any>} */
  get(path, query = {}) {
    const pairs = Object.entries(query).flatMap(([name, value]) =>
      [value].flat().filter((one) => one !== "").map((one) => [name, one]));
    const search = new URLSearchParams(pairs).toString();
    return this.#send("GET", search ? `${path}?${search}` : path);
  }

  /** @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  post(path, body) {
    return this.#send("POST", path, body ?? {});
  }

  /** @param {string} path @param {unknown} body @returns {Promise<any>} */
  patch(path, body) {
    return this.#send("PATCH", path, body);
  }

  /** @param {string} method @param {string} path @param {unknown} [body] @returns {Promise<any>} */
  async #send(method, path, body) {
    const headers = { "X-CSRFToken": this.csrf, "Content-Type": "application/json" };
    const options = body === undefined ? {} : { body: JSON.stringify(body), headers };
    let response;
    try {
      response = await fetch(`/api/v1${path}`, {
        method, credentials: "same-origin", signal: AbortSignal.timeout(PATIENCE_MS), ...options,
      });
    } catch {
      throw new Refusal(0, {});
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer;
    if (response.status === 401) this.ended("signed_out");
    // What changes something is refused too when the session is another than the page's: somebody has signed in anew.
    if (response.status === 403) this.ended(method === "GET" ? "no_dispatcher" : "signed_out");
    throw new Refusal(response.status, answer);
  }
}
