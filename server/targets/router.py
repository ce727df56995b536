"""Targets over HTTP: listed, added, removed while it plays."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, HTTPException, Response
from pydantic import BaseModel, Field

from server.errors import TargetError
from server.targets.address import LONGEST_ADDRESS, Destination, Kind, destination
from server.targets.status import TargetStatus
from server.targets.targets import Targets


class NewTarget(BaseModel):
    """Where to send: a URL of RTMP, RTMPS or SRT, or a folder."""

    kind: Kind
    address: Annotated[str, Field(min_length=1, max_length=LONGEST_ADDRESS)]


def targets_router(targets: Targets) -> APIRouter:
    """Everything under /api/targets."""
    router = APIRouter(prefix="/api/targets", tags=["targets"])

    @router.get("")
    async def get_targets() -> list[TargetStatus]:
        """How each target is. No stream key is told."""
        return targets.statuses()

    @router.post(
        "",
        status_code=201,
        responses={
            403: {"description": "Files are written only below folders that the server was started with."},
            409: {"description": "It is sent there already, or there are too many."},
        },
    )
    async def post_target(new: NewTarget) -> TargetStatus:
        """Begin to send; whether that works, its state tells."""
        try:
            return targets.add(_allowed(destination(new.kind, new.address), targets.folders))
        except ValueError as error:
            raise HTTPException(422, [{"loc": ["body", "address"], "msg": str(error)}]) from error
        except TargetError as error:
            raise HTTPException(409, str(error)) from error

    @router.delete(
        "/{identifier}",
        status_code=204,
        response_class=Response,
        responses={404: {"description": "There is no such target."}},
    )
    async def delete_target(identifier: str) -> None:
        """Stop sending, and remove it."""
        if not await targets.remove(identifier):
            raise HTTPException(404, "there is no such target; it may have been removed")

    return router


def _allowed(wanted: Destination, folders: tuple[Path, ...]) -> Destination:
    if wanted.kind in (Kind.HLS, Kind.RECORD) and not any(
        Path(wanted.address).is_relative_to(folder) for folder in folders
    ):
        raise HTTPException(
            403, "by request, files are only written below the folders that `serve --hls` and `--record` named"
        )
    return wanted
