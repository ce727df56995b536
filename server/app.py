"""The HTTP application: the page, WHEP, and the JSON interface, around one channel."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect

from server.access import Access
from server.api import api_router
from server.certificate import Certificate
from server.channel import Channel
from server.ears import Ears
from server.gate import Gate
from server.health import health_router
from server.ice import IceSettings
from server.joins import RATE_HZ, Joins
from server.methods import HeadAsGet, answer_other_methods
from server.metrics import Metrics
from server.microphone import ViewersMicrophone
from server.openapi import describe
from server.proxied import TRUSTED, Proxied, own_segments
from server.publishers import Publishers
from server.repertoire import Repertoire
from server.sessions import MOST_VIEWERS, Sessions
from server.targets.router import targets_router
from server.targets.targets import Targets
from server.textures_api import textures_router
from server.whep import microphone_router, whep_router
from server.whip import whip_router
from server.whip_client import WhipPublisher

PAGE = Path(__file__).parent / "page"


@dataclass(frozen=True)
class Manners:
    """Who is let in, how many, and by which way.

    Attributes:
        access: who may watch, and who may steer.
        ice: how media finds its way.
        most_viewers: at once.
        joins_hz: how many sessions one address may open in a second, after a burst.
        root_path: the path below which a reverse proxy has put it, as `server.proxied.parse_prefix` gives it; None
            where that is not known.
        trusted_proxies: whose word on clients, schemes and prefixes is taken; "*" for everybody's.
    """

    access: Access = field(default_factory=Access)
    ice: IceSettings = field(default_factory=IceSettings)
    most_viewers: int = MOST_VIEWERS
    joins_hz: float = RATE_HZ
    root_path: str | None = None
    trusted_proxies: tuple[str, ...] = TRUSTED


def create_app(
    channel: Channel,
    microphone: ViewersMicrophone | None = None,
    ears: Ears | None = None,
    targets: Targets | None = None,
    repertoire: Repertoire | None = None,
    *,
    manners: Manners | None = None,
    listens_to_whip: bool = False,
    publishing: Sequence[WhipPublisher] = (),
    certificate: Certificate | None = None,
) -> FastAPI:
    """The application around a channel that somebody else keeps running.

    Args:
        microphone: hears a viewer's microphone; without one, the page shows no button for it.
        ears: what listens, already open; None where nothing does.
        targets: where else it is sent; without, none can be added.
        repertoire: what else can be played; without, nothing can.
        manners: by default those of a server that only this machine can reach.
        listens_to_whip: whether the microphone is that of WHIP publishers, and not of viewers.
        publishing: what this channel is published by, kept running by somebody else.
        certificate: for https, watched by somebody else.
    """
    manners = manners or Manners()
    viewers_microphone = None if listens_to_whip else microphone
    publishers = Publishers(microphone, manners.ice) if listens_to_whip and microphone is not None else None
    sessions = Sessions(
        channel, viewers_microphone, is_prompt=ears is not None, ice=manners.ice, most_viewers=manners.most_viewers
    )
    joins = Joins(time.monotonic(), rate_hz=manners.joins_hz)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            channel.close()
            await sessions.close_all()
            if publishers is not None:
                await publishers.close_all()

    app = FastAPI(
        title="videotexture",
        version=version("videotexture"),
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.sessions = sessions
    app.include_router(api_router(channel, microphone, ears, publishing))
    metrics = Metrics(channel, sessions, ears, targets, publishing, certificate)
    app.include_router(health_router(channel.vitals, metrics))
    if targets is not None:
        app.include_router(targets_router(targets))
    if repertoire is not None:
        app.include_router(textures_router(repertoire, channel))
    app.include_router(whep_router(sessions, manners.ice, joins))
    app.include_router(microphone_router(sessions))
    if publishers is not None:
        app.include_router(whip_router(publishers, manners.ice, joins))
    describe(app, manners.access)
    app.mount("/page/swagger", StaticFiles(packages=[("fastapi_offline", "static")]), name="swagger")
    app.mount("/page", StaticFiles(directory=PAGE), name="page")

    @app.exception_handler(RequestValidationError)
    async def refuse(_: Request, error: RequestValidationError) -> JSONResponse:
        """FastAPI's own answer repeats the input, which fails where that is NaN: JSON has none."""
        return JSONResponse({"detail": [{key: each[key] for key in ("loc", "msg")} for each in error.errors()]}, 422)

    @app.exception_handler(ClientDisconnect)
    async def let_go(_: Request, __: ClientDisconnect) -> Response:
        """Whoever breaks off a request gets no answer; that is nothing to log."""
        return Response(status_code=400)

    @app.get("/", include_in_schema=False)
    def index() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    @app.get("/api/docs", include_in_schema=False)
    def docs() -> FileResponse:
        return FileResponse(PAGE / "docs.html")

    answer_other_methods(app)
    app.add_middleware(Gate, access=manners.access)
    app.add_middleware(HeadAsGet)
    app.add_middleware(
        Proxied, root_path=manners.root_path, trusted=manners.trusted_proxies, own=own_segments(app)
    )  # the last one is the first to be asked
    return app
