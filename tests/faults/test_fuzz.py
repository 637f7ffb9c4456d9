"""Clips with bytes and packets damaged at random: no crash, no hang, one line for the user."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from fuzzing import BAD, Worker, fuzz
from mutants import CLIPS, make_clips, mutant, shortened

from livecam.cli.demo import sample

MUTANTS = 200


def test_two_hundred_mutants(tmp_path: Path) -> None:
    clips = make_clips(sample(), tmp_path)
    clips.append(shortened(sample(), tmp_path))
    verdicts = list(fuzz(clips, range(MUTANTS), tmp_path))
    assert [verdict for verdict in verdicts if verdict.outcome in BAD] == []
    outcomes = Counter(verdict.outcome for verdict in verdicts)
    assert outcomes["read"] > MUTANTS / 4  # damage that leaves nothing to decode tests nothing
    assert outcomes["refused"] > 0
    assert sum(verdict.errors for verdict in verdicts) > 0
    assert all(verdict.line and "\n" not in verdict.line for verdict in verdicts if verdict.outcome == "refused")


def test_whole_clips_are_read_and_a_seed_is_a_seed(tmp_path: Path) -> None:
    clips = make_clips(sample(), tmp_path)
    assert len(clips) == len(CLIPS)
    with Worker() as worker:
        for clip in clips:
            assert worker.read(clip) == {"outcome": "read", "pictures": 24, "errors": 0}, clip
    data = clips[0].read_bytes()
    assert mutant(data, 5) == mutant(data, 5) != mutant(data, 6)


def test_a_worker_that_dies_is_noticed_and_replaced(tmp_path: Path) -> None:
    with Worker() as worker:
        assert worker.read(tmp_path / "nothing.mp4")["outcome"] == "refused"
        assert worker._process
        worker._process.kill()
        assert worker.read(tmp_path / "nothing.mp4") == {"outcome": "crash", "line": "exit code -9"}
        assert worker.read(tmp_path / "nothing.mp4")["outcome"] == "refused"


def test_parameter_sets_that_locked_up_the_frame_threads_of_a_decoder(tmp_path: Path) -> None:
    clip = next(clip for clip in make_clips(sample(), tmp_path) if clip.suffix == ".mkv")
    (found,) = fuzz([clip], [20262817], tmp_path)
    assert found.outcome not in BAD, found
