"""``annotate`` from and to a bucket, over the protocol of S3: what comes out is what a run on this disk makes."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFile
from long_recording import Quick, make_clip, same, stop_at

from livecam import annotate, cli, remote
from livecam._av import av
from livecam.annotating import _files, _long
from livecam.errors import SinkError
from livecam.sinks.sidecar import read_sidecar

s3fs = pytest.importorskip("s3fs", reason="the extra 'remote' is absent")
from s3_server import BUCKET, Server, environment  # noqa: E402  after the check

QUICKLY = {"preset": "ultrafast", "backend": "torch", "threads": 1}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    make_clip(path)
    return path


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def store(server: Server, clip: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    """The bucket, with ``in/a.mp4`` and ``in/b.mp4``; temporary files have a folder of their own, empty in the end."""
    monkeypatch.setattr(_files, "make_explainer", lambda *_: nullcontext(Quick()))
    for name, value in environment(server.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem(use_listings_cache=False)
    fs.mkdir(BUCKET)
    for name in ("a", "b"):
        fs.put_file(str(clip), f"{BUCKET}/in/{name}.mp4")
    server.requests.clear()
    yield fs
    server.fault = lambda _method, _path: None
    fs.rm(BUCKET, recursive=True)
    assert not list(temporary.iterdir())


def names(fs: Any) -> list[str]:
    return sorted(fs.find(f"{BUCKET}/out"))


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any]]:
    def run(*args: object) -> tuple[int, Any]:
        words = ["livecam", "annotate", *map(str, args), "--preset", "ultrafast", "--backend", "torch", "--json"]
        monkeypatch.setattr(sys, "argv", words)
        monkeypatch.setattr(cli._console, "_console", None)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in err, err
        assert "secret" not in err + out
        return int(str(ended.value.code)), json.loads(out) if out else err

    return run


def test_what_comes_out_is_what_a_run_here_makes(store: Any, command: Any, clip: Path, tmp_path: Path) -> None:
    here = [*annotate(clip, tmp_path / "here.mp4", max_frames=12, subtitles=True, **QUICKLY)]
    assert here[0].error is None
    code, report = command(
        "s3://bucket/in/*.mp4", "-o", "s3://bucket/out/", "--max-frames", 12, "--subtitles", "--threads", 1
    )
    assert code == 0
    assert [one["output"] for one in report["files"]] == [f"s3://bucket/out/{n}.explained.mp4" for n in "ab"]
    assert report["files"][0]["input"] == "s3://bucket/in/a.mp4"
    assert report["files"][0]["sidecar"] == "s3://bucket/out/a.explained.mp4.jsonl"
    kinds = (".mp4", ".mp4.jsonl", ".vtt")
    assert names(store) == sorted(f"bucket/out/{name}.explained{kind}" for name in "ab" for kind in kinds)
    for name in "ab":
        for kind in kinds:
            store.get_file(f"bucket/out/{name}.explained{kind}", str(tmp_path / f"{name}{kind}"))
        assert packets(tmp_path / f"{name}.mp4") == packets(tmp_path / "here.mp4")
        assert (tmp_path / f"{name}.vtt").read_bytes() == (tmp_path / "here.vtt").read_bytes()
        header, *lines = read_sidecar(tmp_path / f"{name}.mp4.jsonl")
        other, *others = read_sidecar(tmp_path / "here.mp4.jsonl")
        assert lines == others
        assert header == other | {"source": f"s3://bucket/in/{name}.mp4"}


def packets(path: Path) -> list[tuple[Any, ...]]:
    with av.open(str(path)) as source:
        return [(one.stream_index, one.pts, one.dts, one.duration, bytes(one)) for one in source.demux() if one.size]


def test_it_goes_on_where_it_was_stopped(
    store: Any, command: Any, monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    words = ["s3://bucket/in/*.mp4", "-o", "s3://bucket/out/", "--max-frames", 12, "--no-sidecar"]
    with monkeypatch.context() as patch:
        stop_at(patch, 16)
        code, report = command(*words)
    assert code == 130
    assert [one["output"] for one in report["files"]] == ["s3://bucket/out/a.explained.mp4", None]
    assert names(store) == ["bucket/out/a.explained.mp4"], "nothing half"
    server.requests.clear()
    code, report = command(*words)
    assert code == 0
    assert ["skipped" in one for one in report["files"]] == [True, False]
    assert ("PUT", "/bucket/out/a.explained.mp4") not in server.requests, "never twice"
    store.pipe_file("bucket/in/a.mp4", store.cat_file("bucket/in/a.mp4") + b"\0")
    code, report = command(*words)
    assert code == 5, "another input: its output is not ours to overwrite"
    assert ["skipped" in one for one in report["files"]] == [False, True]


def test_killed_while_it_was_put_it_goes_on(store: Any, command: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after SIGKILL: nobody cleans up. The sidecar is there, the recording is not."""
    words = ["s3://bucket/in/a.mp4", "-o", "s3://bucket/out/a.mp4", "--max-frames", 4]
    put = remote.put

    def killed(path: Path, url: str, *, force: bool) -> None:
        if url.endswith(".mp4"):
            raise SinkError("killed")
        put(path, url, force=force)

    with monkeypatch.context() as patch:
        patch.setattr(remote, "put", killed)
        patch.setattr(remote, "drop", id)
        patch.setattr(remote, "remove", id)
        assert command(*words)[0] == 5
    begun = ["bucket/out/.a.mp4.parts/job.json", "bucket/out/a.mp4.jsonl"]
    assert names(store) == begun
    with monkeypatch.context() as patch:
        patch.setattr(remote, "put", killed)  # the next one fails, too, but cleans up
        assert command(*words)[0] == 5
    assert names(store) == begun
    assert command(*words)[0] == 0
    assert names(store) == ["bucket/out/a.mp4", "bucket/out/a.mp4.jsonl"]


@pytest.mark.parametrize(
    ("source", "target", "code", "says"),
    [
        ("s3://bucket/in/c.mp4", "s3://bucket/out/c.mp4", 3, "no such file"),
        ("s3://nowhere/in/*.mp4", "s3://bucket/out/", 3, "no such file, or no such bucket"),
        ("s3://bucket/in/a.mp4", "s3://nowhere/a.mp4", 5, "no such bucket"),
        ("s3://bucket/in/a.mp4", "s3://bucket/a", 2, "name a file there: out.mp4"),
        ("s3://bucket/in/a.mp4", "http://bucket/a.mp4", 2, "name a file or a folder"),
        ("s3://bucket/in/a.mp4", "s3://bucket/in/a.mp4", 2, "is the input itself"),
    ],
)
def test_what_is_not_there(store: Any, command: Any, source: str, target: str, code: int, says: str) -> None:
    found, text = command(source, "-o", target, "--max-frames", 2)
    assert (found, text.count("\n")) == (code, 1), text
    assert says in text
    assert not names(store)


def test_transient_errors_are_tried_again(store: Any, command: Any, server: Server) -> None:
    left = {"GET": 2, "PUT": 2}

    def twice(method: str, path: str) -> int | None:
        if path.endswith("a.mp4") and left.get(method):
            left[method] -= 1
            return 503
        return None

    server.fault = twice
    assert command("s3://bucket/in/a.mp4", "-o", "s3://bucket/out/a.mp4", "--max-frames", 2)[0] == 0
    assert left == {"GET": 0, "PUT": 0}
    assert names(store) == ["bucket/out/a.mp4", "bucket/out/a.mp4.jsonl"]


def test_denied_and_broken_off(store: Any, command: Any, server: Server) -> None:
    words = ["s3://bucket/in/a.mp4", "-o", "s3://bucket/out/a.mp4", "--max-frames", 2]
    server.fault = lambda method, path: 403 if path.endswith("in/a.mp4") else None
    code, text = command(*words)
    assert code == 3 and "check the credentials" in text
    server.fault = lambda method, path: 403 if (method, path) == ("PUT", "/bucket/out/a.mp4") else None
    code, text = command(*words)
    assert code == 5 and "check the credentials" in text
    assert not names(store), "the sidecar that was put before is gone, too"
    server.fault = lambda method, path: "cut" if (method, path) == ("GET", "/bucket/in/a.mp4") else None
    code, text = command(*words)
    assert code == 4 and "broke off" in text
    server.fault = lambda _method, _path: None
    assert command(*words)[0] == 0


def test_what_is_there_is_not_overwritten(store: Any, command: Any) -> None:
    words = ["s3://bucket/in/a.mp4", "-o", "s3://bucket/out/a.mp4", "--max-frames", 2]
    store.pipe_file("bucket/out/a.mp4.jsonl", b"theirs")
    code, text = command(*words)
    assert code == 5 and "exists already" in text
    assert names(store) == ["bucket/out/a.mp4.jsonl"] and store.cat_file("bucket/out/a.mp4.jsonl") == b"theirs"
    assert command(*words, "--force")[0] == 0
    assert names(store) == ["bucket/out/a.mp4", "bucket/out/a.mp4.jsonl"]


def test_maps_and_heat_go_there_too(store: Any, command: Any) -> None:
    words = ["s3://bucket/in/a.mp4", "-o", "s3://bucket/out/a.mp4", "--max-frames", 2, "--maps"]
    code, text = command(*words, "a.npz")
    assert code == 2 and "name an address" in text
    code, report = command(*words, "s3://bucket/out/a.npz", "--heatmap-video", "s3://bucket/out/heat.mkv")
    assert (code, report["maps"], report["heatmap_video"]) == (0, "s3://bucket/out/a.npz", "s3://bucket/out/heat.mkv")
    assert names(store) == [f"bucket/out/{name}" for name in ("a.mp4", "a.mp4.jsonl", "a.npz", "heat.mkv")]


def test_names_lead_nowhere_else(store: Any, clip: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Of a store that lists what it likes."""
    memory = fsspec.filesystem("memory")
    for name in ("a%05d b", "\x1b[31m", "../climbs"):
        memory.store[f"/odd/{name}.mp4"] = MemoryFile(memory, f"/odd/{name}.mp4", clip.read_bytes())
    assert remote.matching("memory://odd/**/*.mp4") == ["memory://odd/a%05d b.mp4"]
    assert [record.getMessage().count("is left out") for record in caplog.records] == [1, 1]
    out = tmp_path / "local"
    (one,) = annotate("memory://odd/*.mp4", f"{out}/", max_frames=2, **QUICKLY)
    memory.store.clear()
    assert one.error is None, one.error
    assert sorted(path.name for path in out.iterdir()) == ["a_05d_b.explained.mp4", "a_05d_b.explained.mp4.jsonl"]


def test_a_disk_that_is_too_small_is_noticed_before(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ROOM", 1e15)
    (one,) = annotate("s3://bucket/in/a.mp4", "s3://bucket/out/a.mp4", max_frames=2, **QUICKLY)
    assert isinstance(one.error, SinkError) and "TMPDIR" in str(one.error)
    assert (one.report["exit_code"], one.number) == (5, 0)


def test_stopped_while_it_is_fetched(store: Any) -> None:
    asked = iter([False, True])
    (one,) = annotate(
        "s3://bucket/in/a.mp4", "s3://bucket/out/a.mp4", stop=lambda: next(asked, True), max_frames=2, **QUICKLY
    )
    assert one.error is None and one.report["interrupted"] and one.report["output"] is None
    assert not names(store)


def test_a_long_one_in_parts(store: Any, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    [*annotate(clip, tmp_path / "single.mp4", **QUICKLY)]
    monkeypatch.setattr(_long, "PART_S", 0.4)
    monkeypatch.setattr(_long, "SHORTEST_S", 0.4)
    (one,) = annotate("s3://bucket/in/a.mp4", "s3://bucket/out/a.mp4", **QUICKLY)
    assert one.error is None and one.report["parts"] == 5
    assert names(store) == ["bucket/out/a.mp4", "bucket/out/a.mp4.jsonl"]
    for kind in ("", ".jsonl"):
        store.get_file(f"bucket/out/a.mp4{kind}", str(tmp_path / f"parts.mp4{kind}"))
    lines = (tmp_path / "parts.mp4.jsonl").read_text().replace("s3://bucket/in/a.mp4", str(clip))
    (tmp_path / "parts.mp4.jsonl").write_text(lines)
    same(tmp_path / "parts.mp4", tmp_path / "single.mp4")
