"""Who is measured: a way to explain a network's answer, or one that knows nothing, to be measured beside."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import cv2
import numpy as np

from livecam.bench._peer_worker import STOCK, TORCHCAM
from livecam.bench.peers import Peers, Remote, open_networks
from livecam.bench.subjects import Subject as Network
from livecam.bench.subjects import handed_over
from livecam.evaluation.baselines import centre, random
from livecam.explainer import Explainer
from livecam.geometry import WHOLE, take
from livecam.models import ModelSpec
from livecam.smoothing import Smoother
from livecam.threads import cores
from livecam.types import Explanation, Heatmap, Image

Heat = Callable[[Image], Heatmap]
"""The explained picture (H, W, 3) uint8 RGB at the size that is wanted → its map (H, W) float32 at that size."""

BASELINES = ("centre Gaussian", "random")
PEERS = (STOCK, TORCHCAM)
SIDE = 224  # of the square into which the peers' usual way squashes a picture


@dataclass(frozen=True, slots=True)
class Stream:
    """A frame as it is shown, with what came before it in mind. best: its class by itself. held: the explained one."""

    shown: Heat
    best: int
    held: int


@dataclass(frozen=True, slots=True)
class Watched:
    """A frame of a video. frame: its map by itself. stream: None where a subject has no memory."""

    frame: Heat
    stream: Stream | None = None


class Subject(Protocol):
    """name: of the model, and of what explains it."""

    name: str

    def look(self, image: Image, class_idx: int | None) -> Heat:
        """Explain ``image`` for ``class_idx``, or for the best class."""
        ...

    def watch(self, image: Image, now: float, smoother: Smoother) -> Watched:
        """Explain the next frame of a stream, whose memory is ``smoother``; now: its time in seconds."""
        ...


class Explained:
    """livecam itself."""

    def __init__(self, name: str, explainer: Explainer) -> None:
        self.name, self._explainer = name, explainer

    def look(self, image: Image, class_idx: int | None) -> Heat:
        return _heat(self._explainer.explain(image, class_idx))

    def watch(self, image: Image, now: float, smoother: Smoother) -> Watched:
        smoother.observe(image, now)
        held = self._explainer.explain(image, choose=smoother.choose)
        best = held.top[0].class_idx
        frame = held if best == held.class_idx else self._explainer.explain(image, best)
        return Watched(_heat(frame), Stream(_heat(smoother.smooth(held)), best, held.class_idx))


class Baseline:
    """A map that knows neither picture nor network: what others must be better than."""

    def __init__(self, name: str, kind: str) -> None:
        self.name, self._kind = name, kind

    def look(self, image: Image, class_idx: int | None) -> Heat:
        if self._kind == "random":
            seed = zlib.crc32(image.tobytes())  # of the picture: the same whenever a run is continued
            return lambda shown: random((shown.shape[0], shown.shape[1]), seed)
        return lambda shown: centre((shown.shape[0], shown.shape[1]))

    def watch(self, image: Image, now: float, smoother: Smoother) -> Watched:
        return Watched(self.look(image, None))


class Peer:
    """Another library as it is usually called: the picture squashed to a square, its map interpolated bilinearly."""

    def __init__(self, name: str, peers: Peers, remote: Remote, file: Path) -> None:
        self.name, self._peers, self._remote, self._file = name, peers, remote, file

    def look(self, image: Image, class_idx: int | None) -> Heat:
        np.save(self._file, take(image, WHOLE, (SIDE, SIDE))[None])
        self._peers.ask(do="pictures", pictures=str(self._file))
        cam = self._remote.map(0, class_idx)
        return lambda shown: np.asarray(cv2.resize(cam, shown.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)

    def watch(self, image: Image, now: float, smoother: Smoother) -> Watched:
        return Watched(self.look(image, None))


def _heat(explanation: Explanation) -> Heat:
    return lambda shown: explanation.heatmap((shown.shape[0], shown.shape[1]), guide=shown)


def baselines(model: str) -> list[Subject]:
    return [Baseline(f"{model} {kind}", kind) for kind in BASELINES]


@contextmanager
def open_peers(python: Path, spec: ModelSpec, layer: str | None) -> Iterator[list[Subject]]:
    """pytorch-grad-cam's and torchcam's Grad-CAM of that network, under ``python``. Raises ConfigError."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="livecam-evaluate-")))
        peers = stack.enter_context(Peers(python, cores()))
        state = handed_over(Network(spec, "as given"), folder, layer)
        remotes = open_networks(peers, folder, state, np.zeros((1, SIDE, SIDE, 3), np.uint8))
        usual = [remote for remote in remotes if remote.name in PEERS]
        yield [Peer(f"{spec.name} {one.name}", peers, one, folder / "picture.npy") for one in usual]
