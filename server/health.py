"""Whether it lives, whether it plays in time, and the figures that Prometheus collects."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder
from pydantic import BaseModel

from server.metrics import Metrics
from server.vitals import Vitals

TEXT = {"schema": {"type": "string"}}
FIGURES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figures.", "content": {"text/plain": TEXT, "application/openmetrics-text": TEXT}}
}


class Health(BaseModel):
    """How it is.

    Attributes:
        status: "ok", or "trouble".
        reason: of the trouble; else empty.
    """

    status: str
    reason: str = ""


def health_router(vitals: Vitals, metrics: Metrics) -> APIRouter:
    """`/healthz` and `/readyz` for whoever restarts it, without a token; `/metrics` wants one where watching does."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz")
    async def get_healthz() -> Health:
        """That the process answers."""
        return Health(status="ok")

    @router.get("/readyz", responses={503: {"model": Health, "description": "Pictures do not leave in time."}})
    async def get_readyz(response: Response) -> Health:
        """Whether the texture is open and its pictures leave in time."""
        reason = vitals.trouble(time.monotonic())
        if not reason:
            return Health(status="ok")
        response.status_code = 503
        response.headers["Retry-After"] = "1"
        return Health(status="trouble", reason=reason)

    @router.get("/metrics", response_class=Response, responses=FIGURES)
    async def get_metrics(request: Request) -> Response:
        """Figures for Prometheus: its text format, or OpenMetrics where that is asked for."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    return router
