/**
 * Where the server is found, and the page's token.
 *
 * The server may be below any path of a site: all its addresses are told from that of this very file.
 */
const SERVER = new URL("..", import.meta.url);

/** @param {string|URL} path of this server, without a slash before it @returns {URL} */
export const addressOf = (path) => new URL(path, SERVER);

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
 * @param {string|URL} path of this server, as `addressOf` takes it
 * @param {RequestInit} [options]
 */
export function ask(path, options = {}) {
  return fetch(addressOf(path), { ...options, headers: { ...options.headers, ...credentials() } });
}
