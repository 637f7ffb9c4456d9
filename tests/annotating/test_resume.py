"""``annotate`` goes on where it stopped, and shares its work; what comes out is what one run makes."""

from __future__ import annotations

import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from long_recording import BASE, FRAMES, TIMES, Quick, make_clip, same, sound, stop_at, times

from livecam import cli
from livecam._av import av
from livecam.annotating import _alone, _files, _long
from livecam.annotating._alone import alone
from livecam.annotating._files import FileTask
from livecam.annotating._lanes import Lanes
from livecam.annotating._ledger import Ledger
from livecam.assembly import make_explainer
from livecam.config import Settings
from livecam.errors import LivecamError, ModelError
from livecam.parts import agree, plan
from livecam.parts.join import _decoding_times
from livecam.sinks.sidecar import SidecarSink, read_cam, read_sidecar
from livecam.smoothing import Found, Smoother
from livecam.sources import open_source
from livecam.types import Detected, Explanation


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(path)
    return path


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(_long, "PART_S", 0.4)
    monkeypatch.setattr(_long, "SHORTEST_S", 0.4)
    monkeypatch.setattr(_files, "make_explainer", lambda *_: nullcontext(Quick()))
    yield tmp_path


Run = Callable[..., tuple[int, Any]]


@pytest.fixture
def annotate(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*args: object) -> tuple[int, Any]:
        monkeypatch.setattr(
            sys,
            "argv",
            ["livecam", "annotate", *map(str, args), "--preset", "ultrafast", "--backend", "torch", "--json"],
        )
        monkeypatch.setattr(cli._console, "_console", None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err, err
        return int(str(ended.value.code)), json.loads(out) if out else err

    return run


@pytest.fixture
def single(annotate: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What one run without parts makes."""
    with monkeypatch.context() as patch:
        patch.setattr(_long, "PART_S", 300.0)
        code, report = annotate(clip, "-o", "single.mp4")
    assert code == 0 and "parts" not in report
    return Path("single.mp4")


def test_parts_make_what_one_run_makes(annotate: Run, clip: Path, single: Path, here: Path) -> None:
    code, report = annotate(clip, "-o", "parts.mp4")
    assert (code, report["parts"], report["frames_out"]) == (0, 5, FRAMES)
    same(Path("parts.mp4"), single)
    assert not list(here.glob(".*"))
    assert report.keys() >= {"stages", "model", "duration_s", "peak_rss_mb"}


def test_interrupted_it_leaves_what_plays_and_goes_on(
    annotate: Run, clip: Path, single: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 40)
        code, report = annotate(clip, "-o", "out.mp4")
    assert code == 130 and report["interrupted"]
    partial = times(Path("out.mp4"))
    assert partial == [ticks * BASE for ticks in TIMES[: len(partial)]]
    assert 30 < len(partial) == report["frames_out"] < FRAMES
    assert list(read_sidecar("out.mp4.jsonl"))[-1]["frames"] == len(partial)
    code, report = annotate(clip, "-o", "out.mp4")
    assert (code, report["parts_kept"], report["frames_out"]) == (0, 2, FRAMES)
    same(Path("out.mp4"), single)
    assert not list(here.glob(".*"))


class Finds(Quick):
    """A box that goes about the picture, in another size each time, and which is doubtful every now and then."""

    finds_objects = True

    def explain(self, image: Any, class_idx: None = None, *, choose: Any, track: Any = None) -> Explanation:
        made = super().explain(image, class_idx, choose=choose)
        at = int(made.cam.sum() * 1000) % 7 / 10
        heat = float(made.cam.mean())
        found = [Found((0.1, at, 0.9, at + 0.1 + heat / 10), 1, 0.3 + heat / 2)]
        tracked = zip(found, track(found, 0.5), strict=True)
        objects = [Detected(one.box, made.top[0], made.cam, made.peak, n) for one, n in tracked if n is not None]
        return replace(made, objects=tuple(objects))


def test_numbers_of_objects_go_on_from_part_to_part(annotate: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_files, "make_explainer", lambda *_: nullcontext(Finds()))
    words = clip, "--model", "ssdlite320_mobilenet_v3_large", "--smooth", 2
    with monkeypatch.context() as patch:
        patch.setattr(_long, "PART_S", 300.0)
        assert annotate(*words, "-o", "single.mp4")[0] == 0
    numbers = {one["track"] for line in read_sidecar("single.mp4.jsonl") for one in line.get("objects", ())}
    assert len(numbers) > 4
    with monkeypatch.context() as patch:
        stop_at(patch, 40)
        annotate(*words, "-o", "out.mp4")
    code, report = annotate(*words, "-o", "out.mp4")
    assert (code, report["parts"], report["parts_kept"]) == (0, 5, 2)
    same(Path("out.mp4"), Path("single.mp4"))


def test_words_are_explained_in_parts_without_their_library(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with open_source(str(clip)) as source:
        info = source.info
    cut = lambda model, jobs: _long.parts_of(str(clip), info, Path("a.mp4"), Settings(model=model), jobs)  # noqa: E731
    assert len(cut("open_clip/MobileCLIP-S1", 2)) == 5
    assert cut("ssdlite320_mobilenet_v3_large", 2) == [] == cut("r2plus1d_18", 1)


def test_with_other_settings_it_begins_anew(annotate: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 40)
        annotate(clip, "-o", "out.mp4")
    code, says = annotate(clip, "-o", "out.mp4", "--colormap", "viridis")
    assert code == 5 and "exists already" in says
    code, report = annotate(clip, "-o", "out.mp4", "--colormap", "viridis", "--force")
    assert (code, report["parts_kept"]) == (0, 0)


def test_what_was_put_in_its_place_is_not_overwritten(
    annotate: Run, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 40)
        annotate(clip, "-o", "out.mp4")
    Path("out.mp4").write_text("theirs")
    code, says = annotate(clip, "-o", "out.mp4")
    assert code == 5 and "exists already" in says
    assert Path("out.mp4").read_text() == "theirs"


@pytest.mark.parametrize("name", ["part-00000.mp4", "part-00000.jsonl", "part-00001.end.npz", "part-00001.json"])
@pytest.mark.parametrize("harm", ["gone", "cut", "nested"])
def test_a_part_that_was_damaged_is_made_again(
    annotate: Run, clip: Path, single: Path, here: Path, monkeypatch: pytest.MonkeyPatch, name: str, harm: str
) -> None:
    with monkeypatch.context() as patch:
        stop_at(patch, 40)
        annotate(clip, "-o", "out.mp4")
    part = here / ".out.mp4.parts" / name
    if harm == "gone":
        part.unlink()
    else:
        part.write_bytes(b"[" * 100_000 if harm == "nested" else part.read_bytes()[: part.stat().st_size // 2])
    code, report = annotate(clip, "-o", "out.mp4")
    assert (code, report["parts_kept"]) == (0, 1)
    same(Path("out.mp4"), single)
    assert not list(here.glob(".*"))


@pytest.mark.parametrize("length", [0.4, 300.0], ids=["parts", "whole"])
@pytest.mark.parametrize("killed", ["as it began", "after the video"])
def test_killed_at_a_bad_moment_it_goes_on(
    annotate: Run, clip: Path, single: Path, here: Path, monkeypatch: pytest.MonkeyPatch, killed: str, length: float
) -> None:
    """What another process writes hidden is removed with it, and its video is not taken for a stranger's, or done."""
    monkeypatch.setattr(_long, "PART_S", length)
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        ended.wait()
    stale, other = here / f".out.mp4.{ended.pid}-3.part", here / f".out.mp4.{os.getppid()}-3.part"
    with monkeypatch.context() as patch, pytest.raises(Killed):

        def die(of: Any, *_: object, **__: object) -> None:
            stale.touch()
            other.touch()
            if isinstance(of, SidecarSink):
                of._release()
            raise Killed

        if killed == "as it began":
            patch.setattr(Quick, "explain", die)
        elif length < 1:
            patch.setattr(_long, "join_sidecars", die)
        else:
            patch.setattr(SidecarSink, "_complete", die)
        for ending in ("stopped", "clear", "interrupted"):  # nobody comes to that
            patch.setattr(Ledger, ending, lambda _: None)
        annotate(clip, "-o", "out.mp4")
    code, report = annotate(clip, "-o", "out.mp4")
    assert (code, report["frames_out"]) == (0, FRAMES)
    same(Path("out.mp4"), single)
    assert not stale.exists() and other.exists()
    assert not list(here.glob(".*.lock")) and not list(here.glob(".*.parts"))


class Killed(BaseException):
    """Nobody handles it."""


def test_two_runs_do_not_make_one_output(annotate: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_alone, "PATIENCE_S", 0.0)
    with alone(Path("out.mp4")):
        code, says = annotate(clip, "-o", "out.mp4")
    assert code == 5 and "another run is making it" in says
    assert not Path("out.mp4").exists()
    assert annotate(clip, "-o", "out.mp4")[0] == 0


def test_of_several_those_that_are_done_are_left_out(
    annotate: Run, clip: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one is interrupted; the third one is never begun."""
    monkeypatch.setattr(_long, "PART_S", 300.0)
    for name in ("a", "b", "c"):
        (here / f"{name}.mp4").write_bytes(clip.read_bytes())
    inputs = ["a.mp4", "b.mp4", "c.mp4", "-o", "out/", "--max-frames", 12]
    with monkeypatch.context() as patch:
        stop_at(patch, 16)
        code, report = annotate(*inputs)
    assert code == 130
    assert [one["interrupted"] for one in report["files"]] == [False, True]
    before = (here / "out" / "a.explained.mp4").read_bytes()
    code, report = annotate(*inputs)
    assert code == 0
    assert ["skipped" in one for one in report["files"]] == [True, False, False]
    assert (here / "out" / "a.explained.mp4").read_bytes() == before
    assert [len(times(path)) for path in sorted((here / "out").glob("*.mp4"))] == [12, 12, 12]
    assert not list((here / "out").glob(".*"))
    for suffix in (".mp4", ".mp4.jsonl"):
        cut = here / "out" / f"b.explained{suffix}"
        whole = cut.read_bytes()
        cut.write_bytes(whole[:-200])
        code, report = annotate(*inputs)
        assert code == 5, "what was cut off is not complete, and not ours to overwrite"
        cut.write_bytes(whole)
        assert annotate(*inputs)[0] == 0
    cut.unlink()
    code, report = annotate(*inputs)
    assert code == 5, "without its sidecar it is not complete, and not ours to overwrite"


def test_what_a_failing_network_leaves_is_not_done(
    annotate: Run, clip: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_long, "PART_S", 300.0)
    for name in ("a", "b"):
        (here / f"{name}.mp4").write_bytes(clip.read_bytes())
    inputs = ["a.mp4", "b.mp4", "-o", "out/", "--max-frames", 12]
    explain, count = Quick.explain, iter(range(10**9))

    def failing(self: Quick, *args: Any, **kwargs: Any) -> Explanation:
        if next(count) == 5:
            raise ModelError("the device is gone")
        return explain(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(Quick, "explain", failing)
        code, report = annotate(*inputs)
    assert code == 6 and "the device is gone" in report["files"][0]["error"]
    assert len(times(here / "out" / "a.explained.mp4")) == 5
    code, report = annotate(*inputs)
    assert code == 0
    assert ["skipped" in one for one in report["files"]] == [False, True]
    assert len(times(here / "out" / "a.explained.mp4")) == 12


def test_processes_make_what_one_run_makes(
    annotate: Run, clip: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a real network: it is loaded in processes of their own."""
    single = Path("single.mp4")
    with monkeypatch.context() as patch:
        patch.setattr(_long, "PART_S", 300.0)
        patch.setattr(_files, "make_explainer", make_explainer)
        annotate(clip, "-o", single, "--input-size", 32, "--threads", 1)
    code, report = annotate(clip, "-o", "out.mp4", "--jobs", 2, "--input-size", 32)
    assert (code, report["parts"], report["frames_out"]) == (0, 5, FRAMES)
    assert report["stages"]["explain"]["p50_ms"] > 0
    assert times(Path("out.mp4")) == times(single)
    assert sound(Path("out.mp4")) == sound(single)
    for one, other in zip(read_sidecar("out.mp4.jsonl"), read_sidecar(f"{single}.jsonl"), strict=True):
        if one["type"] != "frame":
            assert one == other
            continue
        assert (one["index"], one["pts"], one["class_idx"]) == (other["index"], other["pts"], other["class_idx"])
        assert np.abs(read_cam(one) - read_cam(other)).max() <= 1.001 / 255
    assert not list(here.glob(".*"))


def test_the_last_one_that_is_left_is_made_as_it_was_begun(annotate: Run, clip: Path, here: Path) -> None:
    """Not cut because fewer are left than there are processes: its finished parts would be for nothing."""
    for name in ("a", "b"):
        (here / f"{name}.mp4").write_bytes(clip.read_bytes())
    inputs = ["a.mp4", "b.mp4", "-o", "out/", "--jobs", 2, "--input-size", 32]
    assert annotate(*inputs)[0] == 0
    files = [here / "out" / f"b.explained{suffix}" for suffix in (".mp4", ".mp4.jsonl")]
    before = [path.read_bytes() for path in files]
    for path in files:
        path.unlink()
    code, report = annotate(*inputs)
    assert code == 0 and "skipped" in report["files"][0]
    assert [path.read_bytes() for path in files] == before


@dataclass(frozen=True)
class Dies:
    """Kills its process the first time, or each time."""

    name: str
    seen: Path
    always: bool = False

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> str:
        if self.always or not self.seen.exists():
            self.seen.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.name


@dataclass(frozen=True)
class Works:
    name: str

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> str:
        if self.name == "bad":
            raise ModelError("bad: fails")
        return self.name


def test_a_task_whose_process_dies_is_tried_again(here: Path) -> None:
    tasks: list[Any] = [Works("a"), Dies("b", here / "b"), Works("bad"), Works("d"), Dies("e", here / "e", True)]
    found = {task.name: result for task, result in Lanes(2).run(tasks, lambda: False)}
    assert {name: found[name] for name in "abd"} == {"a": "a", "b": "b", "d": "d"}
    assert isinstance(found["bad"], LivecamError) and found["bad"].exit_code == 6
    assert "3 processes have died" in str(found["e"])


LANES = """
import sys, time
from pathlib import Path
sys.path.insert(0, {folder!r})
from test_resume import Waits
from livecam.annotating._lanes import Lanes
from livecam.annotating._ledger import Ledger
if __name__ == "__main__":
    list(Lanes(2).run([Waits("a"), Waits("b")], lambda: False))
"""


@dataclass(frozen=True)
class Waits:
    """Says the number of its process, and never ends."""

    name: str

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> None:
        os.write(1, f"{os.getpid()}\n".encode())
        threading.Event().wait()


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes")
def test_processes_end_with_one_that_is_killed(here: Path) -> None:
    script = here / "lanes.py"
    script.write_text(LANES.format(folder=str(Path(__file__).parent)))
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout
        workers = [os.pidfd_open(int(parent.stdout.readline())) for _ in range(2)]
        parent.kill()
    for worker in workers:
        ended = bool(select.select([worker], [], [], 30)[0])
        if not ended:
            signal.pidfd_send_signal(worker, signal.SIGKILL)
        os.close(worker)
        assert ended, "it has outlived who has started it"


def test_stopped_no_task_is_begun() -> None:
    assert list(Lanes(2).run([Works(str(number)) for number in range(9)], lambda: True)) == []


def test_cuts_are_at_key_pictures(clip: Path) -> None:
    parts = plan(clip, 0.4)
    with av.open(str(clip)) as source:
        keys = [packet.pts for packet in source.demux(video=0) if packet.is_keyframe]
    assert [part.start for part in parts] == [None, *[part.stop for part in parts[:-1]]]
    assert {part.start for part in parts[1:]} < set(keys)
    assert len(plan(clip, 100.0)) == 1


@pytest.mark.parametrize("seed", range(20))
def test_decoding_times(seed: int) -> None:
    """Whatever the order of storing: they ascend, and none is later than the picture is shown."""
    draw = np.random.default_rng(seed)
    times = np.cumsum(draw.integers(1, 50, 60)).tolist()
    shown = [times[at] for at in np.argsort(np.arange(60) + draw.uniform(0, 4, 60))]
    found = _decoding_times(shown)
    assert all(a < b for a, b in itertools.pairwise(found))
    assert all(dts <= pts for dts, pts in zip(found, shown, strict=True))


def test_a_smoother_goes_on_from_what_another_remembers() -> None:
    draw = np.random.default_rng(0)
    pictures = draw.integers(0, 255, (40, 48, 64, 3), np.uint8) // 8 + 100
    scores = draw.dirichlet(np.ones(5), 40).astype(np.float32)
    cams = draw.random((40, 3, 4), np.float32)

    def go(smoother: Smoother, numbers: range) -> list[tuple[int, np.ndarray]]:
        seen = []
        for number in numbers:
            smoother.observe(pictures[number], number / 30)
            chosen = smoother.choose(scores[number])
            made = Explanation(number, chosen, (), cams[number], 2.0, "cam", "layer", 0.0)
            seen.append((chosen, smoother.smooth(made).cam))
        return seen

    one, first, second = Smoother(), Smoother(), Smoother()
    whole = go(one, range(40))
    halves = go(first, range(20))
    memory = first.memory()
    second.recall(memory)
    assert agree(memory, second.memory())
    halves += go(second, range(20, 40))
    for (a, cam), (b, other) in zip(whole, halves, strict=True):
        assert a == b
        np.testing.assert_array_equal(cam, other)
    assert agree(one.memory(), second.memory())
    assert not agree(memory, second.memory())


def test_a_whole_input_in_another_process(clip: Path, here: Path) -> None:
    from livecam.config import Settings

    settings = Settings(max_frames=3, preset="ultrafast", backend="torch", input_size=32)
    tasks = [FileTask(str(clip), str(here / f"{name}.mp4"), settings, False) for name in "ab"]
    reports = dict(Lanes(1).run(tasks, lambda: False))
    assert [reports[task]["frames_out"] for task in tasks] == [3, 3]
