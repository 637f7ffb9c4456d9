"""What holds for every kind of sink."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sink_helpers import annotated, run

from livecam.errors import ConfigError, SinkError
from livecam.registry import load_all
from livecam.sinks import SINKS, Sink, SinkOptions, open_sink
from livecam.sinks.threaded import ThreadedSink

load_all("livecam.sinks")

SPECS = {
    "video": "out.mp4",
    "images": "frames/%05d.png",
    "still": "photo.png",
    "sidecar": "out.jsonl",
    "subtitles": "out.vtt",
    "maps": "out.npz",
    "heatmap": "heatmap.mp4",
    "memory": "memory",
    "null": "null",
    "display": "display",
    "web": "http://127.0.0.1:0",
    "fullscreen": "fullscreen",
    "push": "rtmp://127.0.0.1/live/key",
}
SHOWN = ("display", "fullscreen")
# A window needs a display, a still takes one picture and writes two files, a stream needs a server: they have tests of
# their own.
HEADLESS = [name for name in SPECS if name not in (*SHOWN, "still", "push")]
WHOLE = ["video", "sidecar", "subtitles", "maps", "heatmap"]  # one file, that appears whole
FILES = [name for name in HEADLESS if name not in ("memory", "null", "web")]


def spec(name: str, folder: Path) -> str:
    if name in ("memory", "null", "web", "push", *SHOWN):
        return SPECS[name]
    return ("heatmap://" if name == "heatmap" else "") + str(folder / SPECS[name])


def opened(name: str, folder: Path, **options: bool) -> Sink:
    return open_sink(spec(name, folder), SinkOptions(**options), run())


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_every_kind_is_here() -> None:
    assert sorted(SINKS) == sorted(SPECS), "a new kind of sink: give it a spec above"


@pytest.mark.parametrize("name", SPECS)
def test_one_kind_alone_takes_a_spec(name: str, tmp_path: Path) -> None:
    assert [kind for kind in SINKS if SINKS.get(kind).matches(spec(name, tmp_path))] == [name]


@pytest.mark.parametrize("odd", ["", "out", "out.mp3", "http://host/out.mp4", "Display"])
def test_a_spec_for_no_kind_is_a_config_error(odd: str) -> None:
    with pytest.raises(ConfigError, match="not a sink"):
        open_sink(odd)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("name", HEADLESS)
def test_closed_twice_and_then_no_more_frames(name: str, live: bool, tmp_path: Path) -> None:
    sink = opened(name, tmp_path, live=live)
    assert sink.write(annotated(0)) is True
    sink.finish()
    sink.close()
    before = {path: path.read_bytes() for path in files(tmp_path)}
    sink.close()
    sink.abort()
    with pytest.raises(SinkError, match="after close"):
        sink.write(annotated(1))
    assert {path: path.read_bytes() for path in files(tmp_path)} == before


@pytest.mark.parametrize("name", HEADLESS)
def test_closed_by_another_thread(name: str, tmp_path: Path) -> None:
    sink = opened(name, tmp_path)
    sink.write(annotated(0))
    closer = threading.Thread(target=sink.close)
    closer.start()
    closer.join()
    with pytest.raises(SinkError):
        sink.write(annotated(1))


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_left_of_an_aborted_conversion(name: str, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened(name, tmp_path) as sink:
        sink.write(annotated(0))
        raise ZeroDivisionError
    assert files(tmp_path) == []


@pytest.mark.parametrize("name", FILES)
def test_an_interrupted_conversion_is_finalised(name: str, tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), opened(name, tmp_path) as sink:
        sink.write(annotated(0))
        raise KeyboardInterrupt
    assert len(files(tmp_path)) == 1
    assert not any(path.name.startswith(".") for path in files(tmp_path))


@pytest.mark.parametrize("name", WHOLE)
def test_an_aborted_live_recording_stays(name: str, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), opened(name, tmp_path, live=True) as sink:
        sink.write(annotated(0))
        raise ZeroDivisionError
    assert len(files(tmp_path)) == 1


@pytest.mark.parametrize("name", FILES)
def test_an_existing_file_is_kept_unless_forced(name: str, tmp_path: Path) -> None:
    path = Path(spec(name, tmp_path).removeprefix("heatmap://").replace("%05d", "00000"))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"dear to me")
    with pytest.raises(SinkError, match="--force"), opened(name, tmp_path) as sink:
        sink.write(annotated(0))
    assert path.read_bytes() == b"dear to me"
    assert files(tmp_path) == [path]
    with opened(name, tmp_path, force=True) as sink:
        sink.write(annotated(0))
    assert path.read_bytes() != b"dear to me"
    assert files(tmp_path) == [path]


@pytest.mark.parametrize("name", WHOLE)
def test_a_forced_file_is_kept_when_the_conversion_is_aborted(name: str, tmp_path: Path) -> None:
    path = Path(spec(name, tmp_path).removeprefix("heatmap://"))
    path.write_bytes(b"dear to me")
    sink = opened(name, tmp_path, force=True)
    sink.write(annotated(0))
    sink.abort()
    assert path.read_bytes() == b"dear to me"


@pytest.mark.parametrize("name", FILES)
def test_parent_folders_are_made(name: str, tmp_path: Path) -> None:
    with opened(name, tmp_path / "a" / "b") as sink:
        sink.write(annotated(0))
    assert len(files(tmp_path / "a" / "b")) == 1


@pytest.mark.parametrize("name", FILES)
def test_a_folder_that_cannot_be_made_is_a_sink_error(name: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SinkError, match=r"Not a directory|File exists") as raised:
        opened(name, tmp_path / "file")
    assert isinstance(raised.value.__cause__, OSError)


@pytest.mark.parametrize("name", HEADLESS)
def test_in_a_thread_it_writes_the_same(name: str, tmp_path: Path) -> None:
    for folder in ("plain", "threaded"):
        sink = opened(name, tmp_path / folder)
        with ThreadedSink(sink) if folder == "threaded" else sink as used:
            for number in range(5):
                assert used.write(annotated(number))
            used.finish()
    plain, threaded = ([path.read_bytes() for path in sorted(files(tmp_path / one))] for one in ("plain", "threaded"))
    assert plain == threaded
