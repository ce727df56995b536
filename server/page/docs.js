/** The HTTP interface as Swagger UI shows it; opened as /api/docs#token=..., it asks with that token. */
import { credentials } from "/page/access.js";

window.swagger = SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: !location.hash.includes("token="), // or it would write its own address over the token's
  requestInterceptor: (request) => {
    const own = new URL(request.url, location.href).origin === location.origin;
    if (own) request.headers = { ...credentials(), ...request.headers };
    return request;
  },
});
