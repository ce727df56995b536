/** The server's JSON interface, with its refusals as one readable line. */

import { ask } from "./access.js";

export class ApiError extends Error {
  /** @param {string} message one line for the viewer @param {number} status the HTTP status */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/**
 * The reason a response gives for a refusal: FastAPI's `detail` (text or list), or plain text.
 * @param {Response} response
 * @returns {Promise<string>} empty where the body says nothing fit to show
 */
export async function reasonOf(response) {
  const body = await response.text().catch(() => "");
  const type = response.headers.get("content-type") ?? "";
  if (type.includes("json")) {
    try {
      const { detail } = JSON.parse(body);
      if (Array.isArray(detail)) return detail.map((item) => item.msg).join("; ");
      return typeof detail === "string" ? detail : "";
    } catch {
      return "";
    }
  }
  return type.startsWith("text/plain") ? body.trim().slice(0, 200) : "";
}

async function request(url, options = {}) {
  const response = await ask(url, { cache: "no-store", ...options });
  if (!response.ok) {
    const reason = await reasonOf(response);
    throw new ApiError(reason || `The server answered ${response.status} to ${url}.`, response.status);
  }
  return response.status === 204 ? null : response.json();
}

/** @param {string} url @param {RequestInit} options */
export const getJson = (url, options) => request(url, options);

/** @param {string} url that which is to be done, and answers nothing */
export const post = (url) => request(url, { method: "POST" });

const sent = (method, url, body) =>
  request(url, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** @param {string} url @param {object} changes */
export const patchJson = (url, changes) => sent("PATCH", url, changes);

/** @param {string} url @param {object} whole */
export const putJson = (url, whole) => sent("PUT", url, whole);
