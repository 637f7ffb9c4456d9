"""Explainer: preprocess → backend → choose the class → method → Explanation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from livecam.backends import Backend, open_backend
from livecam.detail import DETAILS, Fuse, Look
from livecam.errors import ConfigError, ModelError
from livecam.geometry import INPUTS, Region, cell_at, plan, take
from livecam.heat import NORMALISES, Normalise, heat
from livecam.hiding import hidden, hottest, moved_to_the_cold
from livecam.methods import RELUS, MethodCard, Relu, get_method, methods
from livecam.models import Colour, ModelSpec
from livecam.planes import Planes
from livecam.tap import Need, Tap, contrast
from livecam.types import Explanation, Faithfulness, Image, Picture, Prediction, Question, Vote, check_picture
from livecam.upsampling import Upsample

Choose = Callable[[NDArray[np.float32]], int]
PLAIN = Question()


class Explainer:
    """What a network sees in a picture, and where it looks. Works alone on NumPy images: no camera, no thread.

    model: a name of ``livecam models``, or ``timm/NAME``. weights, labels: files of your own. mean, std: of RGB in
    [0, 1]. method: a name of ``livecam methods``. layer: dotted name of the target layer; None finds it; the maps of
    several are fused: ``a,b``, or ``stages:3``, the target layer and the last ones of the two resolutions before it.
    input: how a picture becomes the network's input (``livecam.geometry.plan``). input_size: its short side in pixels.
    detail: ``plain``, ``live`` or ``best`` (``livecam.detail``). scales, fuse, upsample: instead of the detail's own.
    top_k: predictions kept in an explanation. threads: of the engine on a CPU; None leaves it to the engine. budget:
    forward passes a picture of a method that tries many inputs; None: the method's own. relu: the last step of the
    methods whose formula has one: ``on``, ``leaky`` (0.01 of what is below 0) or ``off``; what is below 0 is cold all
    the same, unless ``normalise`` is ``minmax``. normalise: what is hot (``livecam.heat``): ``peak``, ``percentile``,
    ``minmax``, or ``logit``, of methods with maps in logits.

    Raises ConfigError, UnknownName, WeightsError, TargetLayerError. Any thread may call it, one at a time is served.
    """

    def __init__(
        self,
        model: str = "efficientnet_lite0",
        *,
        weights: str | Path | None = None,
        labels: str | Path | None = None,
        mean: Colour | None = None,
        std: Colour | None = None,
        method: str = "gradcam",
        layer: str | None = None,
        backend: str = "auto",
        device: str = "auto",
        precision: str = "auto",
        input: str = "fit",
        input_size: int = 224,
        detail: str = "live",
        top_k: int = 5,
        threads: int | None = None,
        scales: tuple[float, ...] | None = None,
        fuse: Fuse | None = None,
        upsample: Upsample | None = None,
        budget: int | None = None,
        relu: Relu = "on",
        normalise: Normalise = "peak",
    ) -> None:
        if detail not in DETAILS:
            raise ConfigError(f"detail {detail!r} is not one of {', '.join(DETAILS)}")
        if input not in INPUTS:
            raise ConfigError(f"input {input!r} is not one of {', '.join(INPUTS)}")
        if input_size < 32:
            raise ConfigError(f"input size {input_size} is too small; give at least 32 pixels")
        self._detail = DETAILS[detail].but(scales, fuse, upsample)
        if budget is not None and budget < 1:
            raise ConfigError(f"a budget of {budget} forward passes explains nothing; give at least 1")
        if relu not in RELUS:
            raise ConfigError(f"relu {relu!r} is not one of {', '.join(RELUS)}")
        if normalise not in NORMALISES:
            raise ConfigError(f"normalise {normalise!r} is not one of {', '.join(NORMALISES)}")
        card = get_method(method)
        self._relu, self._normalise = relu, normalise
        self.model, self._budget, self.input_size = model, budget, input_size
        self._input, self._top_k = input, top_k
        files = [Path(file) if file is not None else None for file in (weights, labels)]
        spec = ModelSpec(model, files[0], files[1], mean, std)
        opened = open_backend(
            backend, spec, layer=layer, device=device, precision=precision, threads=threads, needs=card.needs
        )
        try:
            self._method = self._set(card, opened)
        except ConfigError:
            opened.close()
            raise
        self._backend: Backend | None = opened
        self.labels = opened.labels
        self.backend, self.device = opened.name, opened.device
        self.precision, self.target_layer = opened.precision, opened.target_layer
        self.method, self.title = self._method.name, f"{model} · {self._method.title}"
        """Title: model and method, for people; of the last explanation, where a question asks for another method."""
        self.methods = tuple(
            name
            for name in methods()
            if not opened.lacks(get_method(name).needs) and (normalise != "logit" or get_method(name).logits)
        )
        """Names of those that a question may ask for."""
        self._lock = threading.Lock()

    def explain(
        self,
        image: Picture,
        class_idx: int | None = None,
        *,
        choose: Choose | None = None,
        input_size: int | None = None,
        question: Question = PLAIN,
    ) -> Explanation:
        """Explain one picture. image: (H, W, 3) uint8 RGB, any size, or the planes of a recording.

        class_idx: the class to explain; None: the best one, or what ``choose`` makes of the (C,) probabilities.
        question: what else is asked. Its rank counts when no class is given, the last class's when there are fewer.
        A class is not held against itself, nor by a method whose maps are no class's own: ``against`` is None then.
        input_size: another one than the explainer's, for this picture.
        Raises ConfigError (not a picture, no such class, not what the method needs), UnknownName, ModelError.
        """
        return self._explain([image], class_idx, choose, question, input_size)[0]

    def check(self, image: Picture, explanation: Explanation, *, input_size: int | None = None) -> Faithfulness | None:
        """Classify ``image`` again, twice: without the hottest part of its map, and without a cold one.

        explanation: of that picture at that ``input_size``; its map may have been smoothed. None where there is nothing
        to hide (no heat), or where the map says more than one class can answer (``against``). Two forward passes; how
        parts are hidden is told in ``livecam.hiding``. Raises ConfigError, ModelError.
        """
        target, cam = explanation.target, explanation.cam
        if target is None or explanation.against is not None or not cam.max() > 0:
            return None
        (picture,), _ = self._inputs([image], input_size or self.input_size)
        hot = hottest(cam)
        pictures = [hidden(picture, cells) for cells in (hot, moved_to_the_cold(hot, cam))]
        with self._lock:
            # One by one, as they are explained: an engine may have to get ready for two at a time.
            logits = [self._opened().forward(one[None]).logits for one in pictures]
        after, control = (float(softmax(row)[0, target.class_idx]) for row in logits)
        return Faithfulness(explanation.frame_index, target.class_idx, target.score, after, control, float(hot.mean()))

    def seen(self, image: Picture) -> tuple[Image, Region]:
        """What the network is given of ``image``, (h, w, 3) uint8 RGB, and the region of the picture that it shows."""
        (picture,), region = self._inputs([image], self.input_size)
        return picture, region

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N, C) of (N, h, w, 3) uint8 RGB, which the network is given as they are. Raises ModelError."""
        with self._lock:
            return softmax(self._opened().plain(pictures))

    def prepare(self, size: tuple[int, int], input_size: int) -> None:
        """Get ready for pictures of ``size`` (H, W) at another ``input_size``: an engine that compiles for each size
        takes seconds the first time. Any thread may call it; pictures are explained meanwhile. Raises ModelError.
        """
        for short in self._detail.shorts(input_size):
            self._opened().prepare(plan(self._input, size, short)[0])

    def explain_batch(self, images: Sequence[Picture]) -> list[Explanation]:
        """Explain several pictures, each for its best class. Pictures of one size go through the network together."""
        if len({image.shape for image in images}) == 1:
            return self._explain(list(images), None, None, PLAIN)
        return [self.explain(image) for image in images]

    def class_named(self, name: str | int) -> int:
        """Index of a class given by index or by (a part of) its name. Raises ConfigError."""
        if isinstance(name, int) or name.isdecimal():
            return self._checked(int(name))
        wanted = name.casefold()
        hits = [number for number, label in enumerate(self.labels) if label.casefold() == wanted]
        hits = hits or [number for number, label in enumerate(self.labels) if wanted in label.casefold()]
        if len(hits) == 1:
            return hits[0]
        if not hits:
            raise ConfigError(f"no class {name!r} in {self.model}; see 'livecam models {self.model} --labels'")
        some = ", ".join(f"{number} {self.labels[number]!r}" for number in hits[:5])
        raise ConfigError(f"class {name!r} is one of {len(hits)}: {some}; give its index")

    def _explain(
        self,
        images: list[Picture],
        class_idx: int | None,
        choose: Choose | None,
        question: Question,
        input_size: int | None = None,
    ) -> list[Explanation]:
        start = time.perf_counter()
        short, *larger = self._detail.shorts(input_size or self.input_size)
        pictures, region = self._inputs(images, short)
        with self._lock:
            backend = self._opened()
            method = self._asked(question, backend)
            tap = backend.forward(pictures)
            scores = softmax(tap.logits)
            if class_idx is not None:
                chosen = [self._checked(class_idx)] * len(images)
            elif question.rank > 1:
                chosen = [int(best(row)[: question.rank][-1]) for row in tap.logits]
            else:
                chosen = [choose(row) if choose else int(row.argmax()) for row in scores]
            rivals = [self._rival(question, method, row, one) for row, one in zip(tap.logits, chosen, strict=True)]
            votes = self._votes(tap, question.spot, region)
            looks = self._looks(backend, tap, method, chosen, rivals)
            for further in larger:
                tap = backend.forward(self._inputs(images, further)[0])
                looks += self._looks(backend, tap, method, chosen, rivals)
            self.title = f"{self.model} · {method.title}"
        maps = self._detail.combine(looks)
        seconds = (time.perf_counter() - start) / len(images)
        rows = zip(maps, scores, chosen, rivals, votes, strict=True)
        cells = looks[0].maps[0].size  # of the grid in whose units all are
        return [self._explanation(*row, cells, method.name, region, seconds, question.spot) for row in rows]

    def _inputs(self, images: list[Picture], short: int) -> tuple[NDArray[np.uint8], Region]:
        """What the network is given for ``images``, (B, H, W, 3) uint8 RGB, and the region that it shows."""
        for image in images:
            if not isinstance(image, Planes):
                check_picture(image)
        size, region = plan(self._input, images[0].shape[:2], short)
        return np.stack([take(image, region, size) for image in images]), region

    def _looks(
        self, backend: Backend, tap: Tap, method: MethodCard, chosen: list[int], rivals: list[int | None]
    ) -> list[Look]:
        """One of each layer, of the target layer first."""
        held = [rival for rival in rivals if rival is not None]
        asked = contrast(tap, held) if len(held) == len(rivals) else tap
        # A copy: what a tap refers to may be gone with the next pass.
        return [
            Look(
                backend.numpy(method.function(one, chosen)),
                backend.numpy(one.activations).copy() if self._detail.share else None,
            )
            for one in (asked, *asked.others)
        ]

    def _asked(self, question: Question, backend: Backend) -> MethodCard:
        if question.method in (None, self.method):
            return self._method
        return self._set(get_method(question.method), backend)

    def _set(self, card: MethodCard, backend: Backend) -> MethodCard:
        """The method as this explainer wants it. Raises ConfigError."""
        fit = replace(fitting(card, backend).with_budget(self._budget), relu=self._relu)
        if self._normalise == "logit" and not fit.logits:
            raise ConfigError(f"--normalise logit: maps of {fit.name} are in no logits; use peak, percentile or minmax")
        return fit

    def _rival(self, question: Question, method: MethodCard, logits: NDArray[np.float32], chosen: int) -> int | None:
        """The class that ``chosen`` is held against, if one is."""
        if question.against is None or not method.of_class or len(logits) < 2:
            return None
        if question.against == "runner-up":
            return next(int(one) for one in best(logits) if one != chosen)
        rival = self._checked(question.against)
        return None if rival == chosen else rival

    def _votes(self, tap: Tap, spot: tuple[float, float] | None, region: Region) -> list[tuple[Vote, ...]]:
        """What ``spot`` adds to the classes, for each picture."""
        nothing: list[tuple[Vote, ...]] = [()] * len(tap.logits)
        if spot is None or tap.votes is None:
            return nothing
        cell = cell_at(spot, region, tap.activations.shape[2:])
        if cell is None:
            return nothing
        shares, exact = tap.votes(*cell)
        rows = self._opened().numpy(shares)
        return [
            tuple(Vote(int(one), self.labels[one], float(row[one]), exact) for one in best(row)[: self._top_k])
            for row in rows
        ]

    def _explanation(
        self,
        raw: NDArray[np.float32],
        scores: NDArray[np.float32],
        chosen: int,
        rival: int | None,
        votes: tuple[Vote, ...],
        cells: int,
        method: str,
        region: Region,
        seconds: float,
        spot: tuple[float, float] | None,
    ) -> Explanation:
        top = tuple(self._prediction(int(number), scores) for number in best(scores)[: self._top_k])
        return Explanation(
            0,
            chosen,
            top,
            heat(raw, self._normalise, cells),
            float(raw.max()),
            method,
            self.target_layer,
            seconds,
            region,
            target=self._prediction(chosen, scores),
            against=None if rival is None else self._prediction(rival, scores),
            spot=spot,
            votes=votes,
            upsampling=self._detail.upsampling,
            normalise=self._normalise,
        )

    def _prediction(self, class_idx: int, scores: NDArray[np.float32]) -> Prediction:
        return Prediction(class_idx, self.labels[class_idx], float(scores[class_idx]))

    def _checked(self, class_idx: int) -> int:
        if not 0 <= class_idx < len(self.labels):
            raise ConfigError(f"class {class_idx} does not exist: {self.model} has classes 0 to {len(self.labels) - 1}")
        return class_idx

    def _opened(self) -> Backend:
        if self._backend is None:
            raise ModelError("this explainer is closed; make a new one")
        return self._backend

    def close(self) -> None:
        """Give the network back as it was (no hooks) and free the device. Twice is harmless."""
        with self._lock:
            if self._backend is not None:
                self._backend.close()
                self._backend = None

    def __enter__(self) -> Explainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def fitting(card: MethodCard, backend: Backend) -> MethodCard:
    """The method, or what the backend has in Grad-CAM's place for this network. Raises ConfigError where the backend
    does not have what the method needs."""
    substitute = getattr(backend, "substitute", None)
    if card.name == "gradcam" and substitute:
        return get_method(substitute)
    lacking = backend.lacks(card.needs)
    if lacking:
        # A foreign network runs nowhere else, and another backend does not change how a network ends.
        helps = Need.AUTOGRAD in lacking and not hasattr(backend, "substitute")
        remedy = "--backend torch" if helps else "another --method; see 'livecam methods'"
        raise ConfigError(
            f"--method {card.name} needs {' and '.join(sorted(lacking))}, which there is not here; use {remedy}"
        )
    return card


def best(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of (C,) values, the largest first."""
    return np.argsort(-values, kind="stable")


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """(B, C) logits → probabilities. Raises ModelError when the network returned no numbers."""
    if not np.isfinite(logits).all():
        raise ModelError("the network returned NaN or infinity; use --precision float32, or check the weights")
    powers: NDArray[np.float32] = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
