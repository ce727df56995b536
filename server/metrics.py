"""What Prometheus is told: counters that exist anyway, read when it asks.

Names and units: https://prometheus.io/docs/practices/naming/. Figures of what plays begin again from 0 with another
texture, which Prometheus takes as it takes a restart.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version

import psutil
from prometheus_client import CollectorRegistry, GCCollector, Metric, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    StateSetMetricFamily,
)
from prometheus_client.registry import Collector

from server.certificate import Certificate
from server.channel import Channel
from server.ears import Ears
from server.sessions import Sessions
from server.targets.status import State
from server.targets.targets import Targets
from server.whip_client import WhipPublisher
from server.whip_target import PublishState
from stream.hearing.source import SourceState
from stream.histogram import Histogram

PREFIX = "videotexture"


class Metrics(Collector):
    """All figures of one server; `registry` is its own, so that several servers in one process keep apart.

    To be collected on the event loop's thread, which takes about a millisecond.

    Attributes:
        registry: what to write out.
    """

    def __init__(
        self,
        channel: Channel,
        sessions: Sessions,
        ears: Ears | None = None,
        targets: Targets | None = None,
        publishing: Sequence[WhipPublisher] = (),
        certificate: Certificate | None = None,
    ) -> None:
        self._channel, self._sessions, self._ears = channel, sessions, ears
        self._targets, self._publishing, self._certificate = targets, publishing, certificate
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """Nothing: names are not checked against others', for there are no others."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Every family, as of now."""
        yield from self._process()
        yield from self._stream()
        yield from self._viewers()
        yield from self._bridges()
        yield _histograms("stage_duration_seconds", "How long each stage takes.", "stage", self._stages())
        if self._ears is not None:
            yield from _hearing(self._ears)
        yield from _sent_to(self._targets, self._publishing)
        if self._certificate is not None:
            until_s = self._certificate.validity.ends_s
            yield _gauge("tls_certificate_expiry_timestamp_seconds", "When the certificate in use expires.", until_s)

    def _process(self) -> Iterator[Metric]:
        texture = self._channel.player.texture.name
        yield InfoMetricFamily(PREFIX, "What plays.", {"version": version("videotexture"), "texture": texture})
        yield _gauge("uptime_seconds", "Since when it plays.", self._channel.uptime_s)
        yield _gauge("threads", "Of this process, those of libraries included.", psutil.Process().num_threads())
        yield _gauge("tasks", "Of the event loop.", len(asyncio.all_tasks()))

    def _stream(self) -> Iterator[Metric]:
        vitals, player = self._channel.vitals, self._channel.player
        yield _counter("frames", "Pictures that left.", vitals.frames)
        yield _counter("keyframes", "Pictures that left, and with which decoding can begin.", vitals.keyframes)
        yield _counter("bridge_frames", "Pictures that left, and were interpolated.", vitals.bridge_frames)
        yield _counter("sound_packets", "20 ms of sound each.", vitals.sounds)
        yield _counter("steps", "Segments that began.", vitals.steps)
        yield _counter("jumps", "Segments that did not follow the last one in the clip.", vitals.jumps)
        yield _counter("hits", "Jumps that somebody, or a sound, made.", vitals.hits)
        yield _counter("hits_dropped", "Hits for which there was no room.", player.hits_dropped)
        yield _counter(
            "late_packets", "Packets that were ready more than 20 ms after they were due.", player.pacer.late
        )
        yield _counter("stands", "Times that the stream stood still and went on.", player.pacer.re_anchored)
        yield _counter("hard_turns", "Turns of the sound whose cross-fade was late.", player.hard_turns)
        yield _gauge("jumps_per_minute", "As they are set.", player.liveliness.jumps_per_minute)

    def _viewers(self) -> Iterator[Metric]:
        channel, sessions = self._channel, self._sessions
        yield _gauge("viewers", "Who watch now, WHIP servers included.", len(channel.viewers))
        renditions = GaugeMetricFamily(f"{PREFIX}_rendition_viewers", "Who are sent each.", labels=["rendition"])
        for rendition, count in channel.audience.by_rendition().items():
            renditions.add_metric([rendition], count)
        yield renditions
        vp8 = channel.audience.vp8
        yield _gauge("vp8_viewers", "Who take no H.264.", len(vp8.fan_out.viewers))
        yield _counter("vp8_left_out", "Pictures that the VP8 encoder had no time for.", vp8.left_out)
        changes = channel.audience.rendition_changes
        yield _counter("rendition_changes", "Times that a viewer was given another rendition.", changes)
        yield _gauge("sessions", "WHEP sessions, those who still connect included.", len(sessions))
        yield _counter("sessions_opened", "WHEP sessions that were answered.", sessions.answering.count)
        yield _counter("sent_packets", "Media packets, to all viewers together.", channel.audience.packets_sent)
        yield _counter(
            "sent_bytes", "Media, to all viewers together, without RTP and below.", channel.audience.bytes_sent
        )
        yield _counter("dropped_packets", "Packets that viewers were too slow for.", channel.audience.dropped)

    def _bridges(self) -> Iterator[Metric]:
        bridges = self._channel.player.bridges
        counts = bridges.counts
        played = CounterMetricFamily(
            f"{PREFIX}_bridges", "What became of bridges. Of a jump: stored (came with the texture), flown (made by "
            "flow instead), cut (missed: none in time). Of making: made, failed, given_up.", labels=["outcome"],
        )  # fmt: skip
        for outcome in ("stored", "flown", "cut", "made", "failed"):
            played.add_metric([outcome], getattr(counts, outcome))
        played.add_metric(["given_up"], bridges.dropped)
        yield played
        yield _histograms("bridge_duration_seconds", "Making one.", "interpolator", bridges.times)
        yield _gauge("bridges_waiting", "Are being made, or wait for it.", bridges.waiting)

    def _stages(self) -> dict[str, Histogram]:
        """By stage; `departure` is how long after it was due a packet left, `onset` and `hit` are from cause to end."""
        player = self._channel.player
        stages = {"departure": player.pacer.lateness, "lay": player.laying, "hit": player.hit_latency}
        heard = {} if self._ears is None else self._ears.times()
        return {**stages, **heard, "answer": self._sessions.answering, "vp8": self._channel.audience.vp8.times}


def _hearing(ears: Ears) -> Iterator[Metric]:
    told = ears.statistics()
    yield _states(
        "hearing_state", "Of what is listened to.", [({}, told["state"])], [each.value for each in SourceState]
    )
    yield _counter("hearing_overruns", "Times that sound was lost because it was not taken in time.", told["overruns"])
    yield _counter("hearing_onsets", "That were heard.", told["onsets"])
    yield _counter("hearing_skips", "Embeddings left out because the last one took too long.", told["slow_skips"])
    yield _counter("hearing_errors", "Of listening.", told["errors"])
    yield _gauge("hearing_gain_decibels", "Given to what is heard.", told["gain_db"])


def _sent_to(targets: Targets | None, publishing: Sequence[WhipPublisher]) -> Iterator[Metric]:
    """Of each target, and each WHIP server that is published to."""
    statuses = [] if targets is None else targets.statuses()
    reports = {f"whip-{number}": publisher.report() for number, publisher in enumerate(publishing, 1)}
    names = [{"target": each.id, "kind": each.kind.value} for each in statuses]
    whip_names = [{"target": name, "kind": "whip"} for name in reports]
    states = [(name, each.state.value) for name, each in zip(names, statuses, strict=True)]
    yield _states("target_state", "What the other end has confirmed.", states, [each.value for each in State])
    whip_states = [(name, each["state"]) for name, each in zip(whip_names, reports.values(), strict=True)]
    yield _states("whip_state", "Of publishing.", whip_states, [each.value for each in PublishState])

    everywhere = [*names, *whip_names]
    attempts = [each.attempts for each in statuses] + [each["attempts"] for each in reports.values()]
    dropped = [each.dropped_packets for each in statuses] + [each["dropped_packets"] for each in reports.values()]
    yield _labelled("target_attempts", "Connections that were begun.", everywhere, attempts)
    yield _labelled("target_dropped_packets", "Packets for which there was no room.", everywhere, dropped)
    confirmed = [each.confirmed_bytes for each in statuses]
    yield _labelled("target_confirmed_bytes", "Acknowledged by the other end, or written.", names, confirmed)
    if targets is not None:
        yield _counter("targets_dropped_sounds", "Packets that the AAC encoder had no time for.", targets.sound_dropped)


def _counter(name: str, text: str, value: float) -> Metric:
    return CounterMetricFamily(f"{PREFIX}_{name}", text, value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value)


def _labelled(name: str, text: str, labels: Sequence[dict[str, str]], values: Sequence[float]) -> Metric:
    family = CounterMetricFamily(f"{PREFIX}_{name}", text, labels=["target", "kind"])
    for label, value in zip(labels, values, strict=True):
        family.add_metric([label["target"], label["kind"]], value)
    return family


def _states(name: str, text: str, now: Sequence[tuple[dict[str, str], str]], all_states: Sequence[str]) -> Metric:
    labels = sorted({key for label, _ in now for key in label})
    family = StateSetMetricFamily(f"{PREFIX}_{name}", text, labels=labels)
    for label, state in now:
        family.add_metric([label[key] for key in labels], {each: each == state for each in all_states})
    return family


def _histograms(name: str, text: str, label: str, histograms: dict[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"{PREFIX}_{name}", text, labels=[label])
    for value, histogram in histograms.items():
        family.add_metric([value], *_buckets(histogram))
    return family


def _buckets(histogram: Histogram) -> tuple[list[tuple[str, float]], float]:
    """As Prometheus has them: how many were at most so long."""
    bounds = [*map(str, histogram.bounds_s), "+Inf"]
    counts, total = list(histogram.counts), 0
    buckets: list[tuple[str, float]] = []
    for bound, count in zip(bounds, counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets, histogram.sum_s
