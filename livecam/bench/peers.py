"""The peers, in a process of their own: it answers one request at a time, so that they take turns with ours."""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError, ModelError
from livecam.types import Heatmap

WORKER = Path(__file__).with_name("_peer_worker.py")
ROOT = Path(__file__).parents[2]  # where the worker finds livecam, if it is not installed there
REMEDY = "make its environment with scripts/peers, which prints its path"
GONE_S = 5.0  # for a worker to end by itself


def check_python(python: Path) -> Path:
    """Raises ConfigError when there is no such file: better now than after minutes of measuring."""
    if not python.is_file():
        raise ConfigError(f"--peers {python}: no such python; {REMEDY}")
    return python


class Peers:
    """pytorch-grad-cam and torchcam under ``python``, with ``threads`` threads.

    Raises ConfigError when they cannot be started there.
    """

    def __init__(self, python: Path, threads: int) -> None:
        check_python(python)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  closed in close
        try:
            self._process = subprocess.Popen(
                # -P: the worker's folder holds modules of ours, which must not hide theirs
                [str(python), "-P", str(WORKER), str(ROOT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
            )
        except OSError as error:
            self._errors.close()
            raise ConfigError(f"--peers {python}: cannot be run ({error.strerror}); {REMEDY}") from error
        try:
            self.versions: dict[str, str] = self.ask(do="start", threads=threads)["versions"]
        except ModelError as error:
            self.close()
            raise ConfigError(f"--peers {python}: {error}; {REMEDY}") from error

    def ask(self, **request: Any) -> dict[str, Any]:
        """One request, one answer. Raises ModelError with what the worker says of its failure."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps(request).encode() + b"\n")
            stdin.flush()
            line = stdout.readline()
        except OSError:
            line = b""
        if not line:
            raise ModelError(f"the peers' process has ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ModelError(f"the peers' process: {answer['error']}")
        return answer

    @property
    def pid(self) -> int:
        return self._process.pid

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"

    def close(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._process.wait(GONE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def __enter__(self) -> Peers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class Remote:
    """A contestant in the peers' process. Its clock runs there: the pipe is no part of its time."""

    name: str
    peers: Peers

    def turn(self, lead: int, calls: int) -> list[float]:
        seconds: list[float] = self.peers.ask(do="turn", name=self.name, lead=lead, calls=calls)["seconds"]
        return seconds

    def map(self, picture: int, class_idx: int | None) -> Heatmap:
        """Its map (h, w) of ``class_idx``, or of the best class, in that picture."""
        return np.asarray(self.peers.ask(do="map", name=self.name, picture=picture, class_idx=class_idx)["map"], "f4")


def open_networks(peers: Peers, folder: Path, state: dict[str, Any], pictures: NDArray[np.uint8]) -> list[Remote]:
    """Grad-CAM by each peer of the network that ``subjects.handed_over`` describes.

    pictures: the same as ours, (N, H, W, 3) uint8 RGB; they are given them as normalised tensors.
    """
    path = folder / "pictures.npy"
    np.save(path, pictures)
    return [Remote(name, peers) for name in peers.ask(do="networks", **state, pictures=str(path))["names"]]


def open_overlays(peers: Peers, folder: Path, picture: NDArray[np.uint8], maps: dict[str, Heatmap]) -> list[Remote]:
    """``show_cam_on_image`` of pytorch-grad-cam, for each of ``maps``."""
    path = folder / "overlay.npz"
    np.savez(path, picture, *maps.values())
    answer = peers.ask(do="overlays", file=str(path), names=list(maps))
    return [Remote(name, peers) for name in answer["names"]]
