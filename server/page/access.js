/**
 * The page's token: from its address, /#token=..., which no server and no log ever sees. (/?token=... works too, for
 * what cannot open an address with a #.)
 */
const FRAGMENT = new URLSearchParams(location.hash.slice(1));
const TOKEN = FRAGMENT.get("token") ?? new URLSearchParams(location.search).get("token");

/** @returns {Record<string, string>} the header fields that let this page in; none where it has no token */
export function credentials() {
  return TOKEN ? { Authorization: `Bearer ${TOKEN}` } : {};
}

/**
 * `fetch`, with the page's token.
 * @param {string|URL} url of this server
 * @param {RequestInit} [options]
 */
export function ask(url, options = {}) {
  return fetch(url, { ...options, headers: { ...options.headers, ...credentials() } });
}
