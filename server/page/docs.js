/** The HTTP interface as Swagger UI shows it; opened as /api/docs#token=..., it asks with that token. */
import { addressOf, credentials } from "./access.js";

window.swagger = SwaggerUIBundle({
  url: addressOf("api/openapi.json").href,
  dom_id: "#docs",
  deepLinking: !location.hash.includes("token="), // or it would write its own address over the token's
  requestInterceptor: (request) => {
    const own = new URL(request.url, location.href).origin === location.origin;
    if (own) request.headers = { ...credentials(), ...request.headers };
    return request;
  },
});
