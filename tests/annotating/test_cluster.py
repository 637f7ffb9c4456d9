"""``--engine ray``: what comes out is what one process makes, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from long_recording import FRAMES, Quick, make_clip, same

from livecam.annotating import _files, _long
from livecam.annotating._crew import crew
from livecam.annotating._files import annotate_all
from livecam.annotating._long import PartTask
from livecam.config import Settings
from livecam.errors import LivecamError, MissingExtra, ModelError

SETTINGS = Settings(preset="ultrafast", threads=1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pytest.importorskip(
        "ray", reason="the extra 'ray' is absent: .ci/run adds it and runs these tests after the others"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", "local")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # where workers find these tasks
        with crew("ray", 2, SETTINGS) as workers:
            yield workers


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(path)
    return path


@dataclass(frozen=True)
class Works:
    name: str

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> str:
        seen()
        if self.name == "bad":
            raise ModelError("bad: fails")
        return self.name


@dataclass(frozen=True)
class Dies:
    """Kills its worker the first time, or each time."""

    name: str
    marker: Path
    always: bool = False

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> str:
        if self.always or not self.marker.exists():
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return self.name


@dataclass(frozen=True)
class Waits:
    """For the end; says how many do at the same time."""

    name: str
    folder: Path

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> int:
        (self.folder / self.name).touch()
        seen()
        while not stop():
            pass
        return len(list(self.folder.iterdir()))


@dataclass(frozen=True, slots=True)
class DiesOnce(PartTask):
    """Kills its worker in the middle of the second part, once."""

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> Any:
        _long._explainers[self.settings.model_dump_json()] = Quick()  # type: ignore[assignment]
        frames, marker = iter(range(FRAMES)), self.folder.parent / "died"

        def dies() -> None:
            if next(frames) == 5 and self.part.number == 1 and not marker.exists():
                marker.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            seen()

        return PartTask.__call__(self, stop, dies)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "livecam.annotating._cluster", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"livecam\[ray\]"), crew("ray", 2, SETTINGS):
        pass


def test_without_either_nobody_else_works() -> None:
    with crew("local", None, SETTINGS) as workers:
        assert workers is None


def test_a_task_whose_worker_dies_is_tried_again(cluster: Any, tmp_path: Path) -> None:
    tasks = [Works("a"), Dies("b", tmp_path / "b"), Works("bad"), Works("d"), Dies("e", tmp_path / "e", True)]
    found = {task.name: result for task, result in cluster.run(tasks, lambda: False)}
    assert {name: found[name] for name in "abd"} == {"a": "a", "b": "b", "d": "d"}
    assert isinstance(found["bad"], LivecamError) and found["bad"].exit_code == 6
    assert "3 workers have died" in str(found["e"])


def test_parts_make_what_one_process_makes_though_a_worker_dies(
    cluster: Any, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    single, out = tmp_path / "single.mp4", tmp_path / "out.mp4"
    monkeypatch.setattr(_files, "make_explainer", lambda *_: nullcontext(Quick()))
    list(annotate_all([(str(clip), single)], SETTINGS, lambda: False, force=False))
    monkeypatch.setattr(_long, "PART_S", 0.4)
    monkeypatch.setattr(_long, "SHORTEST_S", 0.4)
    monkeypatch.setattr(_long, "PartTask", DiesOnce)
    ((_, report),) = annotate_all([(str(clip), out)], SETTINGS, lambda: False, force=False, workers=cluster)
    assert isinstance(report, dict), report
    assert (report["parts"], report["frames_out"], report["interrupted"]) == (5, FRAMES, False)
    assert (tmp_path / "died").exists()
    same(out, single)
    assert not list(tmp_path.glob(".*"))


def test_stopped_those_under_way_end_and_no_more_begin(cluster: Any, tmp_path: Path) -> None:
    """The last test: these workers have been told to stop. Never more work at a time than there are."""
    folder, frames = tmp_path / "working", [0]
    folder.mkdir()
    tasks = [Waits(str(number), folder) for number in range(9)]
    done = list(cluster.run(tasks, lambda: frames[-1] >= 2, frames.append))
    assert [count for _, count in done] == [2, 2]
