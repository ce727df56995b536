"""Offers as others write them, for tests: what they contain is made up, how they are written is theirs."""

from __future__ import annotations

_HASH = ":".join(f"{byte:02X}" for byte in range(32))
_ICE = f"a=ice-ufrag:aBcD\r\na=ice-pwd:{'p' * 24}\r\n"
_DTLS = f"a=fingerprint:sha-256 {_HASH}\r\na=setup:actpass\r\n"
_H264 = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

CHROMIUM = (
    "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
    "a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 45 46\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
    f"{_ICE}a=ice-options:trickle\r\n{_DTLS}a=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:toffset\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n"
    "a=recvonly\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\n"
    "a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack\r\n"
    f"a=rtcp-fb:102 nack pli\r\na=fmtp:102 {_H264}\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n"
    "a=rtpmap:45 AV1/90000\r\na=fmtp:45 level-idx=5;profile=0;tier=0\r\na=rtpmap:46 rtx/90000\r\na=fmtp:46 apt=45\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n"
    f"{_ICE}a=ice-options:trickle\r\n{_DTLS}a=mid:1\r\na=extmap:14 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=recvonly\r\na=rtcp-mux\r\n"
    "a=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\n"
    "a=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\na=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    "a=rtpmap:8 PCMA/8000\r\na=rtpmap:13 CN/8000\r\n"
)
FIREFOX = (
    "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 5225 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=sendrecv\r\n"
    f"a=fingerprint:sha-256 {_HASH}\r\na=group:BUNDLE 0 1 2\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\n"
    f"m=audio 9 UDP/TLS/RTP/SAVPF 109 9 0 8 101\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\n"
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n"
    "a=extmap:2/recvonly urn:ietf:params:rtp-hdrext:csrc-audio-level\r\n"
    f"a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=fmtp:109 maxplaybackrate=48000;stereo=1;useinbandfec=1\r\n"
    f"a=fmtp:101 0-15\r\n{_ICE}a=mid:0\r\na=rtcp-mux\r\na=rtpmap:109 opus/48000/2\r\na=rtpmap:9 G722/8000/1\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000/1\r\na=setup:actpass\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 120 124 126 127\r\nc=IN IP4 0.0.0.0\r\na=recvonly\r\n"
    "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
    "a=fmtp:126 profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1\r\n"
    "a=fmtp:120 max-fs=12288;max-fr=60\r\na=fmtp:124 apt=120\r\na=fmtp:127 apt=126\r\n"
    f"{_ICE}a=mid:1\r\na=rtcp-fb:120 nack\r\na=rtcp-fb:126 ccm fir\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=rtpmap:120 VP8/90000\r\na=rtpmap:124 rtx/90000\r\na=rtpmap:126 H264/90000\r\na=rtpmap:127 rtx/90000\r\n"
    "a=setup:actpass\r\n"
    "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n"
    f"{_ICE}a=mid:2\r\na=setup:actpass\r\na=sctp-port:5000\r\na=max-message-size:1073741823\r\n"
)
GSTREAMER = (
    "v=0\r\no=- 3865469474 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-options:trickle\r\n"
    "a=group:BUNDLE video0 audio1\r\n"
    f"m=video 9 UDP/TLS/RTP/SAVPF 102\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n{_ICE}a=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=recvonly\r\na=rtpmap:102 H264/90000\r\na=rtcp-fb:102 nack pli\r\na=rtcp-fb:102 ccm fir\r\n"
    "a=fmtp:102 packetization-mode=1;profile-level-id=42e01f\r\na=mid:video0\r\n"
    f"a=fingerprint:sha-256 {_HASH}\r\na=candidate:1 1 UDP 2015363327 127.0.0.1 50001 typ host\r\n"
    "a=candidate:2 1 TCP 1015021823 127.0.0.1 9 typ host tcptype active\r\na=end-of-candidates\r\n"
    f"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=setup:actpass\r\n{_ICE}a=bundle-only\r\na=rtcp-mux\r\n"
    f"a=recvonly\r\na=rtpmap:111 OPUS/48000/2\r\na=mid:audio1\r\na=fingerprint:sha-256 {_HASH}\r\n"
)
# FFmpeg 8.1's WHIP muxer, and OBS 31: publishers.
FFMPEG = (
    f"v=0\r\no=FFmpeg 4489045141692799359 2 IN IP4 127.0.0.1\r\ns=FFmpegPublishSession\r\nt=0 0\r\n"
    "a=group:BUNDLE 0 1\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n"
    f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n{_ICE}a=fingerprint:sha-256 {_HASH}\r\na=setup:passive\r\n"
    "a=mid:0\r\na=sendonly\r\na=msid:FFmpeg audio\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=ssrc:3690400345 cname:FFmpeg\r\na=ssrc:3690400345 msid:FFmpeg audio\r\n"
    f"m=video 9 UDP/TLS/RTP/SAVPF 106 105\r\nc=IN IP4 0.0.0.0\r\n{_ICE}a=fingerprint:sha-256 {_HASH}\r\n"
    "a=setup:passive\r\na=mid:1\r\na=sendonly\r\na=msid:FFmpeg video\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
    "a=rtpmap:106 H264/90000\r\na=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640028\r\n"
    "a=rtpmap:105 rtx/90000\r\na=fmtp:105 apt=106\r\na=ssrc-group:FID 2831530011 3111531100\r\n"
    "a=ssrc:2831530011 cname:FFmpeg\r\na=ssrc:2831530011 msid:FFmpeg video\r\n"
)
OBS = (
    "v=0\r\no=rtc 3767197920 0 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=group:LS 0 1\r\n"
    f"a=msid-semantic:WMS *\r\na=ice-options:ice2,trickle\r\na=fingerprint:sha-256 {_HASH}\r\n"
    f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\n"
    "a=ssrc:1 cname:abc\r\na=ssrc:1 msid:s s-audio\r\na=msid:s s-audio\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    f"a=fmtp:111 minptime=10;maxaveragebitrate=96000;stereo=1;sprop-stereo=1;useinbandfec=1\r\na=setup:actpass\r\n"
    f"{_ICE}"
    "m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=mid:1\r\na=sendonly\r\na=ssrc:2 cname:abc\r\n"
    "a=msid:s s-video\r\na=rtcp-mux\r\na=rtpmap:96 H265/90000\r\na=rtcp-fb:96 nack\r\n"
    f"a=rtcp-fb:96 nack pli\r\na=fmtp:96 profile-id=1;tx-mode=SRST\r\na=setup:actpass\r\n{_ICE}"
)
PLAYERS = {"Chromium": CHROMIUM, "Firefox": FIREFOX, "GStreamer": GSTREAMER}
PUBLISHERS = {"FFmpeg": FFMPEG, "OBS": OBS}
