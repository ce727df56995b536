"""What the HTTP interface says of itself: valid, whole, and true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import iter_route_contexts
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from server.access import Access, Right
from server.app import Manners, create_app
from server.channel import Channel
from server.ears import Ears
from server.microphone import ViewersMicrophone
from server.repertoire import Repertoire
from server.targets.address import Kind, destination
from server.targets.targets import Targets
from server.whip import WhipSource
from stream.hearing.browser import BrowserSource
from stream.player import Player
from stream.texture import Texture
from tests.stream_media import open_texture

TOKENS = Access("viewer-token-0123456789", "control-token-012345678", is_local=False)
WITHOUT_BODY = {"204", "205"}
Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Texture]:
    with open_texture(tmp_path_factory.mktemp("openapi") / "n.texture", seconds=3.0, sound=False) as texture:
        yield texture


@pytest.fixture(scope="module")
def app(texture: Texture) -> Iterator[Any]:
    """With every router that there is."""
    with Player(texture, texture.usual_liveliness(), seed=1) as player:
        channel = Channel(player)
        targets = Targets(texture, announce=channel.events.send)
        microphone = ViewersMicrophone(WhipSource(), channel.events.send)
        repertoire = Repertoire({}, lambda _: player)
        yield create_app(channel, microphone, None, targets, repertoire, manners=Manners(TOKENS), listens_to_whip=True)


@pytest.fixture(scope="module")
def document(app: Any) -> dict[str, Any]:
    return dict(app.openapi())


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [(method.upper(), path, told) for path, each in document["paths"].items() for method, told in each.items()]


def test_it_is_openapi(document: dict[str, Any]) -> None:
    validate(document)
    assert document["info"]["version"]
    assert set(document["components"]["securitySchemes"]) == {"viewer", "control"}


def test_every_route_is_in_it(app: Any, operations: list[Operation]) -> None:
    """But the page's own, and those that tell of the interface."""
    routes = {(method, each.path) for each in iter_route_contexts(app.routes) for method in each.methods or ()}
    hidden = {path for _, path in routes - {(method, path) for method, path, _ in operations}}
    assert hidden == {"/", "/api/openapi.json", "/api/docs"}
    assert len(routes) > 35


def test_every_operation_says_what_it_does(document: dict[str, Any], operations: list[Operation]) -> None:
    tags = {tag["name"] for tag in document["tags"]}
    for method, path, told in operations:
        assert told["summary"], (method, path)
        assert not told["summary"].istitle() or " " not in told["summary"], f"{method} {path}: made from its name"
        assert len(told["description"]) >= len(told["summary"]), (method, path)
        assert set(told["tags"]) <= tags, (method, path)
    identifiers = [told["operationId"] for _, _, told in operations]
    assert len(set(identifiers)) == len(identifiers)


def test_every_answer_has_a_model(document: dict[str, Any], operations: list[Operation]) -> None:
    for method, path, told in operations:
        assert any(status.startswith("2") for status in told["responses"]), (method, path)
        for status, response in told["responses"].items():
            where = f"{method} {path} {status}"
            assert response["description"] not in ("", "Successful Response"), where
            if status in WITHOUT_BODY or "content" not in response:
                assert method in ("HEAD", "OPTIONS", "DELETE") or path == "/whep" or status in WITHOUT_BODY, where
                continue
            for media_type, content in response["content"].items():
                schema = content["schema"]
                assert schema != {}, where
                if media_type == "application/json":
                    assert _names_a_model(schema), where
                    assert _is_closed_over(document, schema), where


def test_security_is_what_the_gate_does(operations: list[Operation]) -> None:
    for method, path, told in operations:
        needed = TOKENS.needed(method, path)
        if needed is Right.NOTHING:
            assert "security" not in told, (method, path)
            continue
        assert told["security"] == [{"viewer" if needed is Right.VIEW else "control": []}], (method, path)
        assert "401" in told["responses"], (method, path)
        assert ("403" in told["responses"]) >= (needed is Right.CONTROL), (method, path)


def test_without_tokens_none_is_asked_for(texture: Texture) -> None:
    with Player(texture, texture.usual_liveliness(), seed=1) as player:
        told = create_app(Channel(player)).openapi()["paths"]["/api/state"]["get"]
    assert told["security"] == [{"viewer": []}, {}]


async def test_what_is_answered_is_what_was_said(small_texture: Path, tmp_path: Path) -> None:
    """Every GET without a name in its path, of a server that listens and sends."""
    with Texture.open(small_texture) as texture, Player(texture, texture.usual_liveliness(), seed=1) as player:
        channel = Channel(player)
        record = (destination(Kind.RECORD, str(tmp_path)),)
        async with Targets(texture, record, announce=channel.events.send) as targets:
            with Ears(BrowserSource(), channel.controls, None) as ears:
                app = create_app(channel, None, ears, targets)
                document, asked = app.openapi(), 0
                client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
                async with client as http:
                    for path, each in document["paths"].items():
                        if "get" not in each or "{" in path or path == "/api/events":
                            continue
                        asked += _checked(document, each["get"], await http.get(path))
                    refused = await http.patch("/api/settings", json={"jumps_per_minute": -1})
                    asked += _checked(document, document["paths"]["/api/settings"]["patch"], refused)
                    unfit = await http.patch("/api/performance", json={"alpha": 7})
                    asked += _checked(document, document["paths"]["/api/performance"]["patch"], unfit)
                    gone = await http.delete("/api/targets/none")
                    asked += _checked(document, document["paths"]["/api/targets/{identifier}"]["delete"], gone)
    assert asked >= 12


def _checked(document: dict[str, Any], operation: dict[str, Any], answer: httpx.Response) -> bool:
    """Whether there was a JSON answer, which then fits its schema; its status and type must have been told."""
    told = operation["responses"][str(answer.status_code)]
    if "content" not in told:
        return False
    media_type = answer.headers["content-type"].split(";")[0]
    content = told["content"][media_type]
    if media_type != "application/json":
        return False
    schema = {**content["schema"], "components": document["components"]}
    Draft202012Validator(schema).validate(answer.json())
    return True


def _names_a_model(schema: dict[str, Any]) -> bool:
    return "$ref" in schema or (schema.get("type") == "array" and "$ref" in schema["items"])


def _is_closed_over(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    """Whether the model that it names is there, and has fields."""
    name = schema.get("$ref", schema.get("items", {}).get("$ref")).rsplit("/", 1)[1]
    model = document["components"]["schemas"][name]
    return bool(model["properties"]) and bool(model.get("description"))
