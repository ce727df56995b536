"""What fan-out is measured against: plain aiortc, as its own examples use it, with a track and an encoder per viewer.

`python -m bench.plain_server TEXTURE MBIT_S` prints its address and answers WHEP. It is spared what it could be: its
pictures are decoded beforehand, and it sends no sound.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import uvicorn
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription, VideoStreamTrack
from aiortc.codecs import h264
from av.video.frame import VideoFrame
from fastapi import FastAPI, Request, Response

from models.media import open_media
from server.ice import LOOPBACK, offer_addresses
from server.serve import listen
from stream.texture import VIDEO

LOOP_FRAMES = 60  # of pictures, shown over and over: two seconds at 30 Hz


class LoopTrack(VideoStreamTrack):
    """The same pictures over and over, 30 of them each second, as `VideoStreamTrack` paces them."""

    def __init__(self, pictures: list[npt.NDArray[np.uint8]]) -> None:
        super().__init__()
        self._pictures = pictures
        self._shown = 0

    async def recv(self) -> VideoFrame:
        """The next picture when it is due."""
        pts, time_base = await self.next_timestamp()
        picture = self._pictures[self._shown % len(self._pictures)]
        self._shown += 1
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")  # its own: each encoder stamps what it is given
        frame.pts, frame.time_base = pts, time_base
        return frame


def application(pictures: list[npt.NDArray[np.uint8]]) -> FastAPI:
    """Answers each offer with pictures of its own encoder."""
    app, peers = FastAPI(), set[RTCPeerConnection]()

    @app.post("/whep")
    async def whep(request: Request) -> Response:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peers.add(peer)
        await peer.setRemoteDescription(RTCSessionDescription((await request.body()).decode(), "offer"))
        peer.addTrack(LoopTrack(pictures))
        codecs = RTCRtpSender.getCapabilities("video").codecs
        video = next(each for each in peer.getTransceivers() if each.kind == "video")
        video.setCodecPreferences([codec for codec in codecs if codec.mimeType == "video/H264"])
        await peer.setLocalDescription(await peer.createAnswer())
        return Response(peer.localDescription.sdp, 201, media_type="application/sdp")

    return app


def main(texture: Path, mbit_s: float) -> None:
    """Serve until told to stop."""
    h264.DEFAULT_BITRATE = round(1e6 * mbit_s)  # it has no setting, and 1 Mbit/s would be another measurement
    with open_media(texture / VIDEO) as container:
        decoded = islice(container.decode(video=0), LOOP_FRAMES)
        pictures = [np.asarray(picture.to_ndarray(), np.uint8) for picture in decoded]
    offer_addresses((LOOPBACK,))
    listening = listen(LOOPBACK, 0)
    sys.stdout.write(f"http://{LOOPBACK}:{listening.getsockname()[1]}/\n")
    sys.stdout.flush()
    server = uvicorn.Server(uvicorn.Config(application(pictures), log_level="warning"))
    asyncio.run(server.serve(sockets=[listening]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
