"""Which textures there are, over HTTP, and which is played."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from pydantic import BaseModel, Field

from server.channel import Channel
from server.errors import BusyError, NoTextureError
from server.repertoire import Listed, Repertoire
from stream.errors import TextureError

LONGEST_NAME = 255


class Wanted(BaseModel):
    """The texture that is to be played."""

    name: str = Field(min_length=1, max_length=LONGEST_NAME)


def textures_router(repertoire: Repertoire, channel: Channel) -> APIRouter:
    """`/api/textures`, and the change of `/api/texture`."""
    router = APIRouter(prefix="/api", tags=["control"])

    @router.get("/textures", summary="Which textures there are")
    async def get_textures() -> list[Listed]:
        """All that can be played, in the order in which the server was given them."""
        return repertoire.listed()

    @router.put(
        "/texture",
        summary="Play another texture",
        responses={404: {"description": "No such texture."}, 409: {"description": "It is just changing."}},
    )
    async def put_texture(wanted: Wanted) -> list[Listed]:
        """Go over to it: pictures dissolve, sounds cross-fade. Answers when it is shown, mostly after 1.5 s."""
        try:
            await repertoire.change(channel, wanted.name)
        except NoTextureError as error:
            raise HTTPException(404, str(error)) from error
        except BusyError as error:
            raise HTTPException(409, str(error), {"Retry-After": "2"}) from error
        except TextureError as error:
            raise HTTPException(503, str(error)) from error
        return repertoire.listed()

    return router
