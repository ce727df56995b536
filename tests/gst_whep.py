"""A WHEP player made of GStreamer's `webrtcbin`, run by the system's own Python: prints what it decoded, as JSON.

`python3 tests/gst_whep.py http://HOST:PORT/whep FRAMES [TOKEN]`
"""

import json
import sys
import urllib.request
from urllib.parse import urljoin, urlsplit

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402 (versions are asked for first)

LIMIT_S = 30
VIDEO = "application/x-rtp,media=video,encoding-name=H264,payload=102,clock-rate=90000,packetization-mode=(string)1,"
VIDEO += "profile-level-id=(string)42e01f"
AUDIO = "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2"


class Player:
    """Offers, posts, and decodes until it has enough of both kinds."""

    def __init__(self, url, wanted, token):
        self.url, self.wanted = url, wanted
        self.headers = {"Content-Type": "application/sdp"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self.frames = {"video": 0, "audio": 0}
        self.size, self.status, self.session = None, None, None
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline.new("player")
        self.peer = Gst.ElementFactory.make("webrtcbin", "peer")
        self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
        self.pipeline.add(self.peer)
        host = urlsplit(url).hostname
        if host == "127.0.0.1":  # which libnice leaves out by itself, as aioice does
            self.agent = self.peer.get_property("ice-agent")  # kept: GStreamer 1.22 gives it away uncounted
            self.agent.emit("add-local-ip-address", host)
        direction = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
        for caps in (VIDEO, AUDIO):
            self.peer.emit("add-transceiver", direction, Gst.Caps.from_string(caps))
        self.peer.connect("on-negotiation-needed", lambda peer: self.negotiate())
        self.peer.connect("notify::ice-gathering-state", self.on_gathered)
        self.peer.connect("pad-added", self.on_pad)

    def negotiate(self):
        def made(promise):
            reply = promise.get_reply()  # owns the offer
            self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

        self.peer.emit("create-offer", None, Gst.Promise.new_with_change_func(made))

    def on_gathered(self, peer, _):
        if peer.get_property("ice-gathering-state") == GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            GLib.idle_add(self.post)

    def post(self):
        offer = self.peer.get_property("local-description").sdp.as_text()
        with urllib.request.urlopen(urllib.request.Request(self.url, offer.encode(), self.headers)) as response:
            self.status, self.session = response.status, response.headers["Location"]
            _, answer = GstSdp.SDPMessage.new_from_text(response.read().decode())
        described = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, answer)
        self.peer.emit("set-remote-description", described, Gst.Promise.new())

    def on_pad(self, _, pad):
        kind = pad.get_current_caps().get_structure(0).get_string("media")
        decode = "rtph264depay ! avdec_h264" if kind == "video" else "rtpopusdepay ! opusdec"
        sink = Gst.parse_bin_from_description(
            f"queue ! {decode} ! fakesink name=end signal-handoffs=true sync=false", True
        )
        sink.get_by_name("end").connect("handoff", self.on_frame, kind)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def on_frame(self, _, __, pad, kind):
        self.frames[kind] += 1
        if kind == "video" and self.size is None:
            caps = pad.get_current_caps().get_structure(0)
            self.size = [caps.get_value("width"), caps.get_value("height")]
        if min(self.frames.values()) >= self.wanted:
            GLib.idle_add(self.loop.quit)

    def run(self):
        GLib.timeout_add_seconds(LIMIT_S, self.loop.quit)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.loop.run()
        if self.session:
            url = urljoin(self.url, self.session)
            urllib.request.urlopen(urllib.request.Request(url, headers=self.headers, method="DELETE")).close()
        self.pipeline.set_state(Gst.State.NULL)
        sys.stdout.write(json.dumps({"status": self.status, "size": self.size, **self.frames}) + "\n")


if __name__ == "__main__":
    Gst.init(None)
    Player(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else None).run()
