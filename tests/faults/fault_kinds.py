"""One function a fault: it makes the fault, runs livecam on it as a user would, and says what was kept.

``FAULTS`` is the table: name → function of an empty folder and a seed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from threading import Event
from unittest.mock import patch

import numpy as np
import torch
from mutants import mutant

from livecam import cli
from livecam._av import av
from livecam.backends.pytorch import TorchBackend
from livecam.clock import ManualClock, Pacer
from livecam.errors import SourceLost
from livecam.health import State
from livecam.sources import Source, SourceOptions, open_source
from livecam.sources.reconnecting import ReconnectingSource
from livecam.sources.synthetic import SyntheticSource, read_frame_number
from livecam.types import Frame

PICTURES = 12
SIZE = (192, 128)
QUICK = ("--backend", "torch", "--input-size", "64", "--preset", "ultrafast")  # nothing to compile for each size
BROKEN = 5  # the picture at which a model fails


@dataclass(frozen=True, slots=True)
class Outcome:
    """survived: nothing crashed or hung, and the user was told in one line. told: that line. code: of the exit.
    lost: good pictures that are missing in what was kept. seconds: until it was told, or until pictures came again."""

    survived: bool
    told: str
    code: int
    lost: int
    seconds: float


Fault = Callable[[Path, int], Outcome]
FAULTS: dict[str, Fault] = {}


def fault(name: str) -> Callable[[Fault], Fault]:
    def add(function: Fault) -> Fault:
        FAULTS[name] = function
        return function

    return add


def written(
    path: Path,
    *,
    count: int = PICTURES,
    size: tuple[int, int] = SIZE,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    muxer: dict[str, str] | None = None,
) -> Path:
    """A clip of ``test://``, its numbers in its pictures, a key frame each fourth."""
    with (
        av.open(str(path), "w", options=muxer or {}) as out,
        open_source(f"test://?size={size[0]}x{size[1]}&frames={count}") as source,
    ):
        options = {"preset": "ultrafast"} if codec == "libx264" else {}
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.gop_size = 4
        for frame in iter(source.read, None):
            picture = av.VideoFrame.from_ndarray(frame.image, format="rgb24")
            picture.pts, picture.time_base = frame.index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def run(*args: str) -> tuple[int, str, dict[str, object], float]:
    """A command in this process: exit code, what it says, its report, and how long it took."""
    out, err, began = io.StringIO(), io.StringIO(), time.monotonic()
    code = 0
    with (
        patch.object(sys, "argv", ["livecam", *args]),
        patch.object(cli._console, "_console", None),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            cli.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
    report = json.loads(out.getvalue()) if out.getvalue() else {}
    return code, err.getvalue(), report, time.monotonic() - began


def annotated(
    clip: Path | str, folder: Path, *flags: str, code: int = 0, kept: int | None = None, words: str = ""
) -> Outcome:
    """What ``livecam annotate`` makes of ``clip``. kept: good pictures in it; None: nothing is to be left behind."""
    target = folder / "out.mp4"
    got, err, _, seconds = run("annotate", str(clip), "-o", str(target), *QUICK, *flags, "--json")
    told = next((line for line in reversed(err.splitlines()) if line.startswith("livecam: error: ")), "")
    there, said = numbers(target) if target.exists() else 0, lines(Path(f"{target}.jsonl"))
    well = got == code and words in told and "Traceback" not in err and bool(told) == bool(code)
    if kept is None:
        well = well and not list(folder.glob("out*")) and not list(folder.glob(".out*"))
    else:
        well = well and said == there
    return Outcome(well, told, got, max((kept or 0) - there, 0), seconds)


def numbers(recording: Path) -> int:
    with open_source(str(recording)) as source:
        return sum(1 for _ in iter(source.read, None))


def lines(sidecar: Path) -> int:
    """Frames in a sidecar that has its end."""
    things = [json.loads(line) for line in sidecar.read_text().splitlines()] if sidecar.exists() else []
    return len(things) - 2 if things and things[-1]["type"] == "end" else -1


@fault("empty file")
def empty(folder: Path, seed: int) -> Outcome:
    (folder / "a.mp4").touch()
    return annotated(folder / "a.mp4", folder, code=3, words="empty")


@fault("another file under the name of a video")
def wrong_content(folder: Path, seed: int) -> Outcome:
    path = folder / "a.mp4"
    path.write_bytes(b"PK\x03\x04\x14\x00\x01\x00" + np.random.default_rng(seed).bytes(5000))
    return annotated(path, folder, code=3, words="no video")


@fault("video under the name of another format")
def wrong_name(folder: Path, seed: int) -> Outcome:
    path = written(folder / "a.mp4").rename(folder / "a.avi")
    return annotated(path, folder, kept=PICTURES)


@fault("only sound")
def only_sound(folder: Path, seed: int) -> Outcome:
    with av.open(str(folder / "a.m4a"), "w") as out:
        audio = out.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 44100
        out.mux(audio.encode(frame))
        out.mux(audio.encode(None))
    return annotated(folder / "a.m4a", folder, code=3, words="only sound")


@fault("encrypted (CENC)")
def encrypted(folder: Path, seed: int) -> Outcome:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0123456789abcdef" * 2, "encryption_kid": "ab" * 16}
    return annotated(written(folder / "a.mp4", muxer=key), folder, code=3, words="encrypted")


@fault("pictures of 0×0")
def nothing_wide(folder: Path, seed: int) -> Outcome:
    (folder / "a.y4m").write_bytes(b"YUV4MPEG2 W0 H0 F25:1 C420\nFRAME\n")
    return annotated(folder / "a.y4m", folder, code=3, words="a.y4m")


@fault("cut off, index at the end (mp4)")
def cut_mp4(folder: Path, seed: int) -> Outcome:
    data = written(folder / "whole.mp4").read_bytes()
    (folder / "a.mp4").write_bytes(data[: len(data) // 2])
    return annotated(folder / "a.mp4", folder, code=3, words="damaged")


@fault("cut off (mkv)")
def cut_mkv(folder: Path, seed: int) -> Outcome:
    data = written(folder / "whole.mkv").read_bytes()
    path = folder / "a.mkv"
    path.write_bytes(data[: len(data) * 3 // 4])
    return annotated(path, folder, kept=numbers(path))


@fault("bytes damaged at random")
def damaged(folder: Path, seed: int) -> Outcome:
    data = written(folder / "whole.mkv").read_bytes()
    path = folder / "a.mkv"
    for number in range(seed * 100, seed * 100 + 100):
        path.write_bytes(mutant(data, number))
        with contextlib.suppress(OSError):
            return annotated(path, folder, kept=numbers(path))
    raise AssertionError("none of a hundred mutants can be read")


@fault("8K")
def huge(folder: Path, seed: int) -> Outcome:
    return annotated(written(folder / "a.mp4", count=1, size=(7680, 4320)), folder, kept=1)


@fault("10 bits")
def deep(folder: Path, seed: int) -> Outcome:
    return annotated(written(folder / "a.mkv", codec="ffv1", pix_fmt="yuv420p10le"), folder, kept=PICTURES)


@fault("alpha")
def see_through(folder: Path, seed: int) -> Outcome:
    return annotated(written(folder / "a.mov", codec="qtrle", pix_fmt="argb"), folder, kept=PICTURES)


@fault("size changes on the way")
def another_size(folder: Path, seed: int) -> Outcome:
    parts = [written(folder / f"{w}.ts", size=(w, w * 2 // 3)) for w in (192, 96)]
    path = folder / "a.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return annotated(path, folder, kept=numbers(path))


@contextlib.contextmanager
def failing(how: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """From picture BROKEN on, what the network is given becomes what ``how`` makes of it."""
    usual, count = TorchBackend._normalise, iter(range(10**9))

    def normalise(self: TorchBackend, pictures: torch.Tensor) -> torch.Tensor:
        given = usual(self, pictures)
        return how(given) if next(count) >= BROKEN else given

    with patch.object(TorchBackend, "_normalise", normalise):
        yield


def with_model(folder: Path, how: Callable[[torch.Tensor], torch.Tensor], words: str) -> Outcome:
    """What came before the failure is kept, playable and with its sidecar."""
    with failing(how):
        return annotated(written(folder / "a.mp4"), folder, code=6, kept=BROKEN, words=words)


def raising(error: Exception) -> Callable[[torch.Tensor], torch.Tensor]:
    def how(_: torch.Tensor) -> torch.Tensor:
        raise error

    return how


@fault("model out of memory")
def out_of_memory(folder: Path, seed: int) -> Outcome:
    return with_model(folder, raising(torch.OutOfMemoryError("CUDA out of memory")), "out of memory")


@fault("model out of memory (bad_alloc)")
def bad_alloc(folder: Path, seed: int) -> Outcome:
    return with_model(folder, raising(MemoryError("std::bad_alloc")), "out of memory")


@fault("device error in the middle")
def device_error(folder: Path, seed: int) -> Outcome:
    return with_model(folder, raising(RuntimeError("device lost")), "device lost")


@fault("model returns NaN")
def not_a_number(folder: Path, seed: int) -> Outcome:
    return with_model(folder, lambda given: given * torch.nan, "NaN")


class Failing(SyntheticSource):
    """It is lost before picture BROKEN, or, as a ``stall``, does not return before it is closed."""

    def __init__(self, spec: str, options: SourceOptions, kind: str) -> None:
        super().__init__(spec, options)
        self._kind = kind

    def _next(self) -> Frame | None:
        if self._ticks == BROKEN and self._kind == "stall":
            self._closing.wait()
        elif self._ticks == BROKEN:
            raise SourceLost("camera: the cable is out")
        return super()._next()


def faulty(kind: str, seed: int) -> Outcome:
    """A live source with one fault of ``kind``, then good again; and how long no picture came."""
    times: list[float] = []
    openings = iter(range(10**9))
    good = f"test://?size={SIZE[0]}x{SIZE[1]}&frames=2000&fps=100"

    def open_again(options: SourceOptions) -> Source:
        if next(openings) == 0:
            return Failing(good, options, kind)
        return open_source(good.replace("192x128", "96x64") if kind == "size" else good, options)

    options = SourceOptions(reconnect=True, retry_delay_s=0.05, stall_timeout_s=0.3)
    first_source = open_again(options)
    seen: list[int] = []
    with ReconnectingSource(open_again, options, first=first_source, name="camera") as source:
        for _ in range(3 * BROKEN):
            frame = source.read()
            assert frame is not None
            times.append(time.monotonic())
            seen.append(read_frame_number(frame.image))
            assert frame.image.shape == (SIZE[1], SIZE[0], 3)
        health = source.health
    gap = max(np.diff(times))
    missing = sum(max(after - before - 1, 0) for before, after in pairwise(seen))
    return Outcome(health.outages == 1 and health.state is State.LIVE, "", 0, missing, float(gap))


@fault("source lost, then back")
def lost_and_back(folder: Path, seed: int) -> Outcome:
    return faulty("lost", seed)


@fault("source silent, read does not return")
def silent(folder: Path, seed: int) -> Outcome:
    return faulty("stall", seed)


@fault("source lost, back with another size")
def back_in_another_size(folder: Path, seed: int) -> Outcome:
    return faulty("size", seed)


@fault("clock of a machine that slept eight hours")
def slept(folder: Path, seed: int) -> Outcome:
    """The next picture is shown at once, in the old rhythm, and none of 864,000 missed ticks is made up for."""
    clock, stop = ManualClock(), Event()
    pacer = Pacer(1 / 30, clock)
    for _ in range(BROKEN):
        pacer.tick(stop)
    clock.advance(8 * 3600)
    before = clock.now()
    missed = pacer.tick(stop)
    waited = clock.now() - before
    pacer.tick(stop)
    return Outcome(missed > 860_000 and waited <= 1 / 30 and clock.now() - before < 0.1, "", 0, 0, waited)
