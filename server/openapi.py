"""The OpenAPI document: who needs which token, and how requests are refused, said of every route by one rule."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse
from pydantic import TypeAdapter

from server.access import Access, Right
from server.api import EVENT_NAMES
from server.api_models import Problem, Unfits
from server.proxied import address

DESCRIPTION = """
A video texture while it plays: what it is, how it goes, and what may be turned.

Media does not go through this interface: it is negotiated by `POST /whep` (draft-ietf-wish-whep) and travels by WebRTC.
Where the server was started with tokens, send `Authorization: Bearer TOKEN`. The viewer token is good for all that only
looks; the control token for that, and for all that changes something. `/healthz` and `/readyz` want none.
Every refusal says in `detail` what was expected. Whatever can be asked for by GET can be by HEAD, and every path tells
by OPTIONS what it takes.
"""
TAGS = {
    "control": "What plays, and how.",
    "performance": "What a performer turns, in every moment.",
    "targets": "Where else it is sent: RTMP, SRT, HLS, files.",
    "health": "For those who watch over it.",
    "WHEP": "Watching, by any WHEP player.",
    "WHIP": "Sound that the picture moves to, from OBS or any WHIP client.",
    "microphone": "Whose microphone is heard.",
}
SCHEMES = {
    "viewer": {"type": "http", "scheme": "bearer", "description": "The viewer token, or the control token."},
    "control": {"type": "http", "scheme": "bearer", "description": "The control token."},
}
TOO_LARGE = "The body is too large."
ANOTHER_NAME = "The server was asked by a name that is not its own."


def describe(app: FastAPI, access: Access) -> None:
    """Let the application tell of itself what is true under these rules of access."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, access)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # FastAPI's own way to extend it

    @app.get("/api/openapi.json", include_in_schema=False)
    async def get_openapi_document(request: Request) -> JSONResponse:
        """With the address that its paths are appended to, whatever proxy is before it."""
        url = address(request.scope, "/")
        return JSONResponse({**app.openapi(), "servers": [{"url": url.rstrip("/") or "/"}]})


def _document(app: FastAPI, access: Access) -> dict[str, Any]:
    tags = [{"name": name, "description": text} for name, text in TAGS.items()]
    made = get_openapi(
        title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=tags,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )  # fmt: skip
    schemas = made.setdefault("components", {}).setdefault("schemas", {})
    for model in (Problem, Unfits):
        own = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(own.pop("$defs", {}))
        schemas[model.__name__] = own
    made["components"]["securitySchemes"] = SCHEMES
    made["paths"]["/api/events"]["get"]["responses"]["200"]["content"] = {"text/event-stream": _events(schemas)}
    for path, operations in made["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method.upper(), path, access)
            _describe_success(operation, schemas)
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)  # FastAPI's, in whose place are ours
    return made


def _complete(operation: dict[str, Any], method: str, path: str, access: Access) -> None:
    """Its summary, its security, and what every route may answer besides its own."""
    text = operation.get("description", "")
    if operation["operationId"].startswith(operation["summary"].lower().replace(" ", "_")):  # made from its name
        operation["summary"] = text.split(". ")[0].split("\n")[0].split(";")[0].rstrip(".")
    responses = operation["responses"]
    needed = access.needed(method, path)
    if needed is not Right.NOTHING:
        name = "viewer" if needed is Right.VIEW else "control"
        operation["security"] = [{name: []}] if access.asks_for(needed) else [{name: []}, {}]
        responses.setdefault("401", _refusal(f"It needs the {name} token.", "Problem"))
        if needed is Right.CONTROL:
            responses.setdefault("403", _refusal("The token is for watching only, or a page may not ask.", "Problem"))
        responses.setdefault("421", _refusal(ANOTHER_NAME, "Problem"))
    anything_fits = all(each["schema"].get("type") == "string" for each in operation.get("parameters", []))
    if "requestBody" not in operation and anything_fits:
        responses.pop("422", None)
    if "requestBody" in operation:
        responses.setdefault("413", _refusal(TOO_LARGE, "Problem"))
    for status, response in responses.items():
        if status == "422":
            responses[status] = _refusal("Something of the request does not fit.", "Unfits")
        elif int(status) >= 400 and "content" not in response:
            responses[status] = {**response, **_refusal(response["description"], "Problem")}


def _describe_success(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """By its model's own words, in place of "Successful Response"."""
    for status, response in operation["responses"].items():
        if response["description"] != "Successful Response":
            continue
        schema = response.get("content", {}).get("application/json", {}).get("schema", {})
        name = schema.get("$ref", schema.get("items", {}).get("$ref", "")).rsplit("/", 1)[-1]
        told = schemas.get(name, {}).get("description", "")
        nothing = "Done; nothing is answered." if status == "204" else operation["summary"] + "."
        response["description"] = told.split("\n")[0] or nothing


def _events(schemas: dict[str, Any]) -> dict[str, Any]:
    """What server-sent events say; each one's `data` has a schema, for which OpenAPI 3.1 has no place of its own."""
    names = {}
    for event, name in EVENT_NAMES.items():
        own = TypeAdapter(event).json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(own.pop("$defs", {}))
        schemas.setdefault(event.__name__, own)
        names[name] = {"$ref": f"#/components/schemas/{event.__name__}"}
    text = f"Server-sent events: {', '.join(names)}. The data of each is JSON, by the schema in `x-events`."
    return {"schema": {"type": "string", "description": text}, "x-events": names}


def _refusal(description: str, model: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
