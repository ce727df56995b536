import numpy as np
import pytest

from models.seam import Judgement
from models.segments import Segments
from models.steadying import PLACE_SHARES, CameraMotion
from stream.graph import Graph
from stream.jump_judge import JumpJudge
from stream.liveliness import Liveliness, Tempo
from tests.drawn import PERIOD_FRAMES, going_round, segments_of

TEMPO = Tempo(stride_s=0.2, bridge_s=0.16)


def embeddings_by_phase(segments: Segments, blind: bool) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings that know where the disc is going, or know nothing but what follows what."""
    random = np.random.default_rng(0)
    starts = np.append(segments.starts, segments.starts[-1] + segments.stride_frames)
    turn = 2 * np.pi * starts / PERIOD_FRAMES
    known = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    every = random.normal(size=(len(starts), 16)) if blind else known
    every = (every / np.linalg.norm(every, axis=1, keepdims=True)).astype(np.float32)
    return every[1:], every[:-1]


def test_jumps_that_know_the_phase_show_less_than_blind_ones() -> None:
    frames = going_round(600)
    segments = segments_of(frames)
    judge = JumpJudge(frames, segments, TEMPO, 15.0)
    knowing, blind = (judge(*embeddings_by_phase(segments, blind)) for blind in (False, True))
    assert knowing.seam < 1.3
    assert blind.seam > 2 * knowing.seam
    assert judge.random_seam > 2 * knowing.seam
    for found in (knowing, blind):
        assert found.jumps.shape == (len(found.shares), 2)
        assert found.shares.sum() == pytest.approx(1)
        assert (np.diff(found.jumps) != 1).all()


def test_a_clip_that_goes_round_repeats_well() -> None:
    frames = going_round(600)
    segments = segments_of(frames)
    judge = JumpJudge(frames, segments, TEMPO, 15.0)
    walked = Liveliness.at_rate(Graph.of_embeddings(*embeddings_by_phase(segments, False), segments), TEMPO, 15.0)
    found = judge.repetition(walked.transitions, np.random.default_rng(0))
    assert found is not None
    assert not found.is_poor
    assert found.median_seam <= found.worst_tenth_seam < found.random_seam


def test_a_clip_that_never_comes_back_repeats_poorly() -> None:
    """A disc that crosses the picture once: whatever the jump, it leaps."""
    frames = going_round(PERIOD_FRAMES * 9 // 10, noise=1.0).repeat(10, axis=0)
    segments = segments_of(frames)
    judge = JumpJudge(frames, segments, TEMPO, 15.0)
    walked = Liveliness.at_rate(Graph.of_embeddings(*embeddings_by_phase(segments, True), segments), TEMPO, 15.0)
    found = judge.repetition(walked.transitions, np.random.default_rng(0))
    assert found is not None
    assert found.is_poor


def test_embeddings_that_cannot_be_walked_are_the_worst() -> None:
    frames = going_round(40)
    segments = segments_of(frames, 12, 17, 22, 27, 32)
    query = np.eye(segments.count, 8, dtype=np.float32)
    found = JumpJudge(frames, segments, TEMPO, 15.0)(query, query)
    assert found.seam == pytest.approx(np.inf)
    assert len(found.jumps) == len(found.shares) == 0


@pytest.mark.parametrize(
    ("seams", "taken"),
    [
        ((1.30, 1.28, 1.27), 0),  # what the camera's place shows is no more than noise
        ((1.30, 1.20, 1.16), 1),
        ((1.30, 1.25, 1.10), 2),
        ((np.inf, np.inf, np.inf), 0),
    ],
)
def test_the_cameras_place_counts_no_more_than_jumps_bear_out(
    seams: tuple[float, ...], taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames = going_round(60)
    segments = segments_of(frames)
    shaken = np.tile(np.eye(2, 3), (60, 1, 1))
    shaken[:, 0, 2] = 3 * np.sin(np.arange(60))
    camera = CameraMotion(shaken, (frames.shape[2], frames.shape[1]), 0.04)
    judge, answers = JumpJudge(frames, segments, TEMPO, 15.0, camera), map(Judgement.without_jumps, seams)
    monkeypatch.setattr(judge, "_judgement", lambda query, target: next(answers))
    query, target = embeddings_by_phase(segments, False)
    placed, landing, share = judge.placed(query, target)
    assert share == PLACE_SHARES[taken]
    expected = camera.placed(query, target, segments, share)
    np.testing.assert_array_equal(placed, expected[0])
    np.testing.assert_array_equal(landing, expected[1])


def test_without_a_shaking_camera_embeddings_stay_as_they_are() -> None:
    frames = going_round(60)
    segments = segments_of(frames)
    query, target = embeddings_by_phase(segments, False)
    placed, landing, share = JumpJudge(frames, segments, TEMPO, 15.0).placed(query, target)
    assert placed is query
    assert landing is target
    assert share == 0
