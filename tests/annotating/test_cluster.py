"""``--engine ray``: what comes out is what one process makes, whatever becomes of the workers."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from long_recording import FRAMES, Quick, make_clip, same

from livecam.annotating import _files, _long
from livecam.annotating._crew import crew
from livecam.annotating._files import FileTask, annotate_all
from livecam.annotating._long import PartTask
from livecam.config import Settings
from livecam.errors import ConfigError, LivecamError, MissingExtra, ModelError

SETTINGS = Settings(preset="ultrafast", threads=1)
BOTH = ("", ".jsonl")
ABSENT = "the extra 'ray' is absent: .ci/run adds it and runs these tests after the others"


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    pytest.importorskip("s3fs", reason="the extra 'remote' is absent")
    from s3_server import Server

    server = Server()
    yield server
    server.close()


@pytest.fixture(scope="module")
def cluster(server: Any) -> Iterator[Any]:
    pytest.importorskip("ray", reason=ABSENT)
    from s3_server import environment

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(server.url).items():
            patch.setenv(name, value)
        patch.setenv("RAY_ADDRESS", "local")
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)  # where workers find these tasks
        with crew("ray", 2, SETTINGS) as workers:
            yield workers


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(path)
    return path


@pytest.fixture
def store(cluster: Any, server: Any, clip: Path) -> Iterator[Any]:
    """A bucket with ``in/a.mp4``, ``in/b.mp4`` and ``in/c.mp4``."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem(use_listings_cache=False)
    fs.mkdir("bucket")
    for name in "abc":
        fs.put_file(str(clip), f"bucket/in/{name}.mp4")
    yield fs
    server.fault = lambda _method, _path: None
    fs.rm("bucket", recursive=True)


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
class QuickFile(FileTask):
    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> Any:
        _long._explainers[self.settings.model_dump_json()] = Quick()  # type: ignore[assignment]
        return FileTask.__call__(self, stop, seen)


@dataclass(frozen=True, slots=True)
class BreaksOnce(PartTask):
    """In the middle of a part, once: it kills its worker, or fails."""

    marker: Path = Path()
    at: int = 1
    kills: bool = True

    def __call__(self, stop: Callable[[], bool], seen: Callable[[], object]) -> Any:
        _long._explainers[self.settings.model_dump_json()] = Quick()  # type: ignore[assignment]
        frames = iter(range(FRAMES))

        def breaks() -> None:
            if next(frames) == 5 and self.part.number == self.at and not self.marker.exists():
                self.marker.touch()
                if not self.kills:
                    raise ModelError("the model fails")
                os.kill(os.getpid(), signal.SIGKILL)
            seen()

        return PartTask.__call__(self, stop, breaks)


@pytest.fixture
def single(clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What one process makes, of the whole."""
    path = tmp_path / "single.mp4"
    with monkeypatch.context() as patch:
        patch.setattr(_files, "make_explainer", lambda *_: nullcontext(Quick()))
        list(annotate_all([(str(clip), path)], SETTINGS, lambda: False, force=False))
    return path


@pytest.fixture
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_long, "PART_S", 0.4)
    monkeypatch.setattr(_long, "SHORTEST_S", 0.4)
    monkeypatch.setattr(_files, "LARGE", 0)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "livecam.annotating._cluster", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtra, match=r"livecam\[ray\]"), crew("ray", 2, SETTINGS):
        pass


def test_of_ray_that_was_imported_before_no_cluster_without_a_secret_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ray = ModuleType("ray")
    ray.is_initialized = lambda: False  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "ray", ray)
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ConfigError, match="was imported before"), crew("ray", 2, SETTINGS):
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


def test_what_a_run_that_ended_early_has_begun_is_not_the_next_one_s(cluster: Any, tmp_path: Path) -> None:
    folder = tmp_path / "working"
    folder.mkdir()
    with closing(cluster.run([Works("bad"), Waits("a", folder)], lambda: False)) as results:
        assert next(results)[0].name == "bad"
    assert list(cluster.run([Works("b")], lambda: False)) == [(Works("b"), "b")]


def test_parts_make_what_one_process_makes_though_a_worker_dies(
    cluster: Any, clip: Path, single: Path, tmp_path: Path, short_parts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, died = tmp_path / "out.mp4", tmp_path / "died"
    monkeypatch.setattr(_long, "PartTask", partial(BreaksOnce, marker=died))
    ((_, report),) = annotate_all([(str(clip), out)], SETTINGS, lambda: False, force=False, workers=cluster)
    assert isinstance(report, dict), report
    assert (report["parts"], report["frames_out"], report["interrupted"]) == (5, FRAMES, False)
    assert died.exists()
    same(out, single)
    assert not list(tmp_path.glob(".*"))


def fetched(store: Any, name: str, clip: Path, folder: Path) -> Path:
    """What is in the bucket as ``name``, as if it were made of ``clip``."""
    out = folder / "fetched.mp4"
    store.get_file(f"bucket/out/{name}.mp4", str(out))
    lines = store.cat_file(f"bucket/out/{name}.mp4.jsonl").decode()
    Path(f"{out}.jsonl").write_text(lines.replace(f"s3://bucket/in/{name}.mp4", str(clip)))
    return out


@pytest.mark.parametrize("names", ["abc", "a"], ids=["several", "one that is large, and not long"])
def test_files_of_a_bucket(
    cluster: Any, store: Any, clip: Path, single: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: str
) -> None:
    monkeypatch.setattr(_files, "FileTask", QuickFile)
    monkeypatch.setattr(_files, "LARGE", 0)
    work = [(f"s3://bucket/in/{name}.mp4", f"s3://bucket/out/{name}.mp4") for name in names]
    reports = dict(annotate_all(work, SETTINGS, lambda: False, force=False, workers=cluster))
    assert [reports[number]["output"] for number in range(len(work))] == [output for _, output in work]
    assert store.find("bucket/out") == sorted(f"bucket/out/{name}.mp4{kind}" for name in names for kind in BOTH)
    for name in names:
        same(fetched(store, name, clip, tmp_path), single)


def test_a_long_one_of_a_bucket_in_parts_though_a_worker_dies_and_one_fails(
    cluster: Any,
    store: Any,
    clip: Path,
    single: Path,
    tmp_path: Path,
    short_parts: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """No disk is shared: each has its own temporary folder, and parts travel through the bucket."""
    work, run = (
        [("s3://bucket/in/a.mp4", "s3://bucket/out/a.mp4")],
        lambda: annotate_all(work, SETTINGS, lambda: False, force=False, workers=cluster),
    )
    monkeypatch.setattr(_long, "PartTask", partial(BreaksOnce, marker=tmp_path / "failed", at=3, kills=False))
    ((_, error),) = run()
    assert isinstance(error, ModelError)
    assert "bucket/out/a.mp4" not in store.find("bucket/out"), "nothing half"
    monkeypatch.setattr(_long, "PartTask", partial(BreaksOnce, marker=tmp_path / "died", at=4))
    ((_, report),) = run()
    assert isinstance(report, dict), report
    assert (report["parts"], report["frames_out"], report["interrupted"]) == (5, FRAMES, False)
    assert report["parts_kept"] >= 2, "never twice"
    assert (tmp_path / "died").exists()
    assert store.find("bucket/out") == ["bucket/out/a.mp4", "bucket/out/a.mp4.jsonl"]
    same(fetched(store, "a", clip, tmp_path), single)


@pytest.mark.parametrize("cut", [False, True])
def test_denied_it_is_one_line(
    cluster: Any, store: Any, server: Any, short_parts: None, monkeypatch: pytest.MonkeyPatch, cut: bool
) -> None:
    """To whoever is denied: a worker that fetches a whole recording, or this process, for one that is cut."""
    monkeypatch.setattr(_files, "LARGE", 0 if cut else 1 << 30)
    server.fault = lambda _method, _path: 403
    work = [("s3://bucket/in/a.mp4", "s3://bucket/out/a.mp4")]
    ((_, error),) = annotate_all(work, SETTINGS, lambda: False, force=False, workers=cluster)
    assert isinstance(error, LivecamError) and "check the credentials" in str(error)
    assert "\n" not in str(error) and "secret" not in str(error)


def test_of_two_at_once_the_one_that_ends_first_leaves_the_other_its_workers(tmp_path: Path, server: Any) -> None:
    ray = pytest.importorskip("ray", reason=ABSENT)
    from livecam.annotating._cluster import _Connection

    connected = ray.is_initialized()
    first, second = (_Connection("local", 1) for _ in range(2))
    first.close()
    first.close()
    assert ray.is_initialized()
    second.close()
    assert ray.is_initialized() == connected


def test_stopped_those_under_way_end_and_no_more_begin(cluster: Any, tmp_path: Path) -> None:
    """The last test: these workers have been told to stop. Never more work at a time than there are."""
    folder, frames = tmp_path / "working", [0]
    folder.mkdir()
    tasks = [Waits(str(number), folder) for number in range(9)]
    done = list(cluster.run(tasks, lambda: frames[-1] >= 2, frames.append))
    assert [count for _, count in done] == [2, 2]
