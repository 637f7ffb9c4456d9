"""Explainer: preprocess → backend → choose the class → method → Explanation."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from livecam.backends import Backend, open_backend
from livecam.detail import DETAILS, Fuse, Look
from livecam.errors import ConfigError, ModelError
from livecam.explainer._answer import Teller, of_clip
from livecam.explainer._choice import best, class_checked, class_named, fitting, lacking, rival
from livecam.explainer._network import check_numbers, given, likened, looks_once
from livecam.geometry import INPUTS, WHOLE, Region, inside, plan, take
from livecam.heat import NORMALISES, Normalise
from livecam.hiding import hidden, hottest, moved_to_the_cold
from livecam.methods import RELUS, MethodCard, Relu, get_method, methods
from livecam.models import Colour, Model, random_seed
from livecam.planes import Planes
from livecam.smoothing import DOUBTFUL, Found
from livecam.tap import Tap, contrast, window
from livecam.tasks import Target
from livecam.types import (
    Explanation,
    Faithfulness,
    Image,
    Picture,
    Question,
    check_picture,
)
from livecam.upsampling import Upsample

Choose = Callable[[NDArray[np.float32]], int]
Track = Callable[[Sequence[Found], float], Sequence[int | None]]
PLAIN = Question()
MIN_SCORE = 0.5
CLOSE_S = 1.0  # for which ``close`` waits for a pass of another thread
TOGETHER = 8  # pictures in one pass at most: who comes first in it waits for the last

log = logging.getLogger("livecam")


@dataclass(frozen=True, slots=True)
class Asked:
    """A picture and what is asked of it: the arguments of ``Explainer.explain``."""

    image: Picture
    class_idx: int | None = None
    choose: Choose | None = None
    input_size: int | None = None
    question: Question = PLAIN
    clip: Sequence[Picture] = ()
    track: Track | None = None


class Explainer:
    """What a network sees in a picture, and where it looks. Works alone on NumPy images: no camera, no thread.

    model: a name of ``livecam models``, ``timm/NAME``, your own as ``package.module:factory`` or ``FILE.toml`` (see
    ``livecam.models.own``, also for what may run code), or a ``LoadedModel``, which is used up: a backend freezes and
    moves its network. weights, labels: files of your own, and mean, std: of RGB in [0, 1]; for a model by name. method:
    a name of ``livecam methods``. layer: dotted name of the target layer; None finds it; the maps of several are fused:
    ``a,b``, or ``stages:3``, the target layer and the last ones of the two resolutions before it. input: how a picture
    becomes the network's input (``livecam.geometry.plan``). input_size: its short side in pixels; None: 224, or what a
    detector, a segmenter or a model of your own was trained for. detail: ``plain``, ``live`` or ``best``
    (``livecam.detail``). scales, scale_weights, fuse, upsample: instead of the detail's own. top_k: predictions kept in
    an explanation. threads: of the engine on a CPU; None leaves it to the engine. budget: forward passes a picture of a
    method that tries many inputs; None: the method's own. relu: the last step of the methods whose formula has one:
    ``on``, ``leaky`` (0.01 of what is below 0) or ``off``; what is below 0 is cold all the same, unless ``normalise``
    is ``minmax``. normalise: what is hot (``livecam.heat``): ``peak``, ``percentile``, ``minmax``, or ``logit``, of
    methods with maps in logits. min_score: probability from which a detector's box is there.

    like: pictures. What is explained is then not what a picture shows, but what in it looks like each of them: they are
    the classes, named as their files, and their scores are cosines of features (``livecam.tasks.similarity``).
    like_text: the same with words instead of pictures, for a model ``open_clip/NAME``. The score of one text is a
    cosine, those of several are probabilities of one against the others. Its ``labels`` are such texts, too.
    weights may be ``random`` or ``random:SEED``: an untrained network, for trying things out; every picture says so.

    Raises ConfigError, UnknownName, WeightsError, TargetLayerError. Any thread may call it, one at a time is served.
    """

    def __init__(
        self,
        model: str | Model = "efficientnet_lite0",
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
        input_size: int | None = None,
        detail: str = "live",
        top_k: int = 5,
        threads: int | None = None,
        scales: tuple[float, ...] | None = None,
        scale_weights: tuple[float, ...] | None = None,
        fuse: Fuse | None = None,
        upsample: Upsample | None = None,
        budget: int | None = None,
        relu: Relu = "on",
        normalise: Normalise = "peak",
        min_score: float = MIN_SCORE,
        like: Sequence[str | Path] = (),
        like_text: str | Sequence[str] = (),
    ) -> None:
        chosen = {"detail": detail, "input": input, "relu": relu, "normalise": normalise}
        for what, known in {"detail": DETAILS, "input": INPUTS, "relu": RELUS, "normalise": NORMALISES}.items():
            if chosen[what] not in known:
                raise ConfigError(f"{what} {chosen[what]!r} is not one of {', '.join(known)}")
        check_numbers(input_size, min_score, budget)
        self._detail = DETAILS[detail].but(scales, scale_weights, fuse, upsample)
        card = get_method(method)
        self._relu, self._normalise = relu, normalise
        spec = given(model, weights, labels, mean, std)
        self.model, self._budget = spec.name, budget
        self._input, self._min_score = input, min_score
        self.input_size = input_size or spec.input_size
        asked = likened(spec, like, like_text, input, self.input_size)
        self._task = asked.task
        self.task = self._task.name
        """Name of the task: classification, detection, segmentation, similarity, zero-shot classification."""
        self.finds_objects = self._task.many
        """Whether explanations are of each thing in a picture, which ``track`` may number."""
        self.random_weights = random_seed(weights) is not None
        many_scales = scales is not None or scale_weights is not None
        looks_once(asked, None, asked=many_scales)
        opened = open_backend(
            backend, asked, layer=layer, device=device, precision=precision, threads=threads, needs=card.needs
        )
        try:
            self._method = self._set(card, opened)
            if looks_once(asked, opened.accepts.side, asked=many_scales):
                self._detail = self._detail.once()
        except ConfigError:
            opened.close()
            raise
        self._backend: Backend | None = opened
        self.labels = opened.labels
        self.backend, self.device = opened.name, opened.device
        self.precision, self.target_layer = opened.precision, opened.target_layer
        self.method, self.title = self._method.name, f"{self.model} · {self._method.title}"
        """Title: model and method, for people; of the last explanation, where a question asks for another method."""
        self.methods = tuple(
            name
            for name in methods()
            if not lacking(get_method(name), opened, self._task) and (normalise != "logit" or get_method(name).logits)
        )
        """Names of those that a question may ask for."""
        self._teller = Teller(
            self.labels,
            top_k,
            self._task.many,
            self._task.background,
            normalise,
            self._detail.upsampling,
            self.target_layer,
            self.random_weights,
        )
        self._accepts = accepts = opened.accepts
        self.window = (accepts.frames, accepts.step_s) if accepts.frames > 1 else None
        """Of a network over clips: pictures in a window, and seconds from one to the next."""
        self._lock = threading.Lock()
        self._closed = False
        side = opened.accepts.side
        if side is not None and (input == "fit" or input_size != side):
            how = "the whole picture is squashed to it; --input crop takes its middle" if input == "fit" else "as here"
            log.warning("%s takes inputs of %d×%d only: %s", model, side, side, how)

    def explain(
        self,
        image: Picture,
        class_idx: int | None = None,
        *,
        choose: Choose | None = None,
        input_size: int | None = None,
        question: Question = PLAIN,
        clip: Sequence[Picture] = (),
        track: Track | None = None,
    ) -> Explanation:
        """Explain one picture. image: (H, W, 3) uint8 RGB, any size, or the planes of a recording.

        clip: for a network over clips, the window that ends at ``image``, which is its last; () for ``image`` all the
        time. All are of one size. The first fills up what is missing.

        class_idx: the class to explain; None: the best one, or what ``choose`` makes of the (C,) probabilities.
        question: what else is asked. Its rank counts when no class is given, the last class's when there are fewer.
        A class is not held against itself, nor by a method whose maps are no class's own: ``against`` is None then.
        input_size: another one than the explainer's, for this picture.
        track: of a detector's boxes, and the score from which they are there, the numbers of those that are, None for
        the others: ``Smoother.track``. It is also asked of doubtful boxes, which may be known from the pictures before.
        Raises ConfigError (not a picture, no such class, not what the method needs), UnknownName, ModelError.
        """
        return self._explain([Asked(image, class_idx, choose, input_size, question, clip, track)])[0]

    @property
    def together(self) -> int:
        """How many pictures of one size are worth a pass together: 1 for clips and for tasks with several targets a
        picture, and where the engine takes them one by one."""
        alone = self._task.many or self.window is not None or not getattr(self._backend, "batches", True)
        return 1 if alone else TOGETHER

    def explain_clip(
        self, pictures: Sequence[Picture], class_idx: int | None = None, *, question: Question = PLAIN
    ) -> Explanation:
        """Explain the window ``pictures``, oldest first, of one size, ``window[1]`` seconds apart; see ``explain``."""
        if not pictures:
            raise ConfigError("a clip has at least one picture")
        return self.explain(pictures[-1], class_idx, question=question, clip=pictures)

    def check(self, image: Picture, explanation: Explanation, *, input_size: int | None = None) -> Faithfulness | None:
        """Classify ``image`` again, twice: without the hottest part of its map, and without a cold one.

        explanation: of that picture at that ``input_size``; its map may have been smoothed. None where there is nothing
        to hide (no heat, a clip), or where the map says more than one class can answer (``against``). Two forward
        passes; how parts are hidden is told in ``livecam.hiding``. Raises ConfigError, ModelError.
        """
        target, cam = explanation.target, explanation.cam
        if target is None or explanation.against is not None or explanation.clip is not None or not cam.max() > 0:
            return None
        (picture,), _ = self._inputs([image], input_size or self.input_size)
        hot = hottest(cam)
        pictures = [hidden(picture, cells) for cells in (hot, moved_to_the_cold(hot, cam))]
        with self._alone() as backend:
            # One by one, as they are explained: an engine may have to get ready for two at a time.
            logits = [backend.forward(one[None]).logits for one in pictures]
        after, control = (float(self._scores(row)[0, target.class_idx]) for row in logits)
        return Faithfulness(explanation.frame_index, target.class_idx, target.score, after, control, float(hot.mean()))

    def seen(self, image: Picture) -> tuple[Image, Region]:
        """What the network is given of ``image``, (h, w, 3) uint8 RGB, and the region of the picture that it shows."""
        (picture,), region = self._inputs([image], self.input_size)
        return picture, region

    def scores(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (N, C) of (N, h, w, 3) uint8 RGB, which the network is given as they are. Raises ModelError."""
        with self._alone() as backend:
            return self._scores(backend.plain(pictures))

    def prepare(self, size: tuple[int, int], input_size: int) -> None:
        """Get ready for pictures of ``size`` (H, W) at another ``input_size``: an engine that compiles for each size
        takes seconds the first time. Any thread may call it; pictures are explained meanwhile. Raises ModelError.
        """
        for short in self._shorts(input_size):
            self._opened().prepare(plan(self._input, size, short, self._accepts)[0])

    def explain_batch(self, images: Sequence[Picture]) -> list[Explanation]:
        """Explain several pictures, each for its best class. Pictures of one size go through the network together."""
        if len({image.shape for image in images}) == 1 and not self._task.many:
            return self._explain([Asked(image) for image in images])
        return [self.explain(image) for image in images]

    def explain_together(self, asked: Sequence[Asked]) -> list[Explanation]:
        """Explain several pictures, each as it is asked for, in that order. Those of one size, one ``input_size`` and
        one question go through the network together, ``together`` at a time. Raises as ``explain`` does."""
        alike: dict[object, list[int]] = {}
        for number, one in enumerate(asked):
            alike.setdefault((one.image.shape, one.input_size, one.question), []).append(number)
        made: dict[int, Explanation] = {}
        for numbers in alike.values():
            for first in range(0, len(numbers), self.together):
                some = numbers[first : first + self.together]
                made.update(zip(some, self._explain([asked[number] for number in some]), strict=True))
        return [made[number] for number in range(len(asked))]

    def class_named(self, name: str | int) -> int:
        """Index of a class given by index or by (a part of) its name. Raises ConfigError."""
        return class_named(name, self.labels, self.model)

    def _explain(self, asked: list[Asked]) -> list[Explanation]:
        """asked: pictures of one size, with one question and one ``input_size``; a clip stands alone."""
        start = time.perf_counter()
        images, question = [one.image for one in asked], asked[0].question
        short, *larger = self._shorts(asked[0].input_size or self.input_size)
        pictures, region = self._inputs(images, short, asked[0].clip)
        with self._alone() as backend:
            method = self._asked(question, backend)
            tap = backend.forward(pictures)
            scores = self._scores(tap.logits)
            chosen = [self._chosen(one, row) for one, row in zip(asked, scores, strict=True)]
            targets = [
                self._targets(*row, region=region) for row in zip(asked, tap.logits, scores, chosen, strict=True)
            ]
            # Of several pictures each has one target, of several targets there is one picture.
            rounds = [self._round(list(of_each), tap, question, method) for of_each in zip(*targets, strict=True)]
            votes = self._teller.votes(tap, backend, question.spot, region)
            self._look(backend, tap, method, rounds)
            nowhere = np.zeros((len(images), *tap.activations.shape[2:]), np.float32)
            for further in larger:
                self._look(backend, backend.forward(self._inputs(images, further)[0]), method, rounds)
            self.title = f"{self.model} · {method.title}"
        maps = [self._detail.combine(one.looks) for one in rounds]
        seconds = (time.perf_counter() - start) / len(images)
        cells = (rounds[0].looks[0].maps[0] if rounds else nowhere[0]).size  # of the grid in whose units all are
        made = [
            self._teller.explanation(
                [one[row] for one in maps] or [nowhere[row]],
                scores[row],
                chosen[row],
                [one.targets[row] for one in rounds],
                rounds[0].rivals[row] if rounds else None,
                votes[row],
                cells,
                method.name,
                region,
                seconds,
                question.spot,
            )
            for row in range(len(images))
        ]
        return [of_clip(one, tap.moments) for one in made] if tap.moments > 1 else made

    def _chosen(self, asked: Asked, scores: NDArray[np.float32]) -> int:
        """The class to explain. scores: (C,)."""
        if asked.class_idx is not None:
            return class_checked(asked.class_idx, len(self.labels), self.model)
        if asked.question.rank > 1:
            return int(best(scores)[: asked.question.rank][-1])
        return asked.choose(scores) if asked.choose else int(scores.argmax())

    def _targets(
        self, asked: Asked, numbers: NDArray[np.float32], scores: NDArray[np.float32], chosen: int, region: Region
    ) -> tuple[Target, ...]:
        """What is explained of one picture. numbers: (N,), the network's. scores: (C,)."""
        given = asked.class_idx is not None or asked.question.rank > 1
        track, least = asked.track if self.finds_objects else None, self._min_score
        if track is None:
            return self._task.targets(numbers, scores, chosen, given=given, least=least)
        targets = self._task.targets(numbers, scores, chosen, given=given, least=DOUBTFUL * least)
        found = [Found(inside(one.box or WHOLE, region), one.class_idx, one.score) for one in targets]
        tracked = zip(targets, track(found, least), strict=True)
        return tuple(one._replace(track=number) for one, number in tracked if number is not None)

    def _shorts(self, input_size: int) -> list[int]:
        """Short sides of the inputs of one explanation."""
        return self._detail.shorts(self._accepts.side or input_size)

    def _inputs(
        self, images: list[Picture], short: int, clip: Sequence[Picture] = ()
    ) -> tuple[NDArray[np.uint8], Region]:
        """What the network is given for ``images``, (B, H, W, 3) uint8 RGB, or a window for each, (B·frames, H, W, 3),
        and the region that it shows."""
        for image in [*images, *clip]:
            if not isinstance(image, Planes):
                check_picture(image)
        size, region = plan(self._input, images[0].shape[:2], short, self._accepts)
        frames = self._accepts.frames
        if frames > 1 and clip:
            images = [clip[0]] * (frames - len(clip)) + list(clip[-frames:])
        pictures = np.stack([take(image, region, size) for image in images])
        return pictures.repeat(frames, 0) if frames > 1 and not clip else pictures, region

    def _round(self, targets: list[Target], tap: Tap, question: Question, method: MethodCard) -> _Round:
        logits = self._window(tap, targets).logits
        asked = [(row, one.class_idx) for row, one in zip(logits, targets, strict=True)]
        rivals = [rival(question, method, *one, self.model) for one in asked]
        return _Round(targets, rivals)

    def _window(self, tap: Tap, targets: list[Target]) -> Tap:
        return window(tap, [one.start for one in targets], len(self.labels))

    def _look(self, backend: Backend, tap: Tap, method: MethodCard, rounds: list[_Round]) -> None:
        """Maps of what is asked for, on one pass over the pictures: one of each layer, of the target layer first."""
        # Copies: what a tap refers to may be gone with the next pass.
        features = [backend.numpy(one.activations).copy() if self._detail.share else None for one in (tap, *tap.others)]
        for one in rounds:
            seen = self._window(tap, one.targets)
            held = [other for other in one.rivals if other is not None]
            asked = contrast(seen, held) if len(held) == len(one.rivals) else seen
            wanted = [target.class_idx for target in one.targets]
            one.looks += [
                Look(backend.numpy(method.function(layer, wanted)), own)
                for layer, own in zip((asked, *asked.others), features, strict=True)
            ]

    def _asked(self, question: Question, backend: Backend) -> MethodCard:
        if question.method in (None, self.method):
            return self._method
        return self._set(get_method(question.method), backend)

    def _set(self, card: MethodCard, backend: Backend) -> MethodCard:
        """The method as this explainer wants it. Raises ConfigError."""
        fit = fitting(card, backend, self._task, self._normalise)
        return replace(fit.with_budget(self._budget), relu=self._relu)

    def _scores(self, numbers: NDArray[np.float32]) -> NDArray[np.float32]:
        return self._task.scores(numbers, len(self.labels))

    def _opened(self) -> Backend:
        if self._backend is None or self._closed:
            raise ModelError("this explainer is closed; make a new one")
        return self._backend

    @contextmanager
    def _alone(self) -> Iterator[Backend]:
        """The network, for one at a time."""
        with self._lock:
            try:
                yield self._opened()
            finally:
                if self._closed:
                    self._free()

    def close(self) -> None:
        """Give the network back as it was (no hooks) and free the device. Twice is harmless.

        Another thread's pass is waited for; one that takes longer than CLOSE_S does it itself, at its end.
        """
        self._closed = True
        if self._lock.acquire(timeout=CLOSE_S):
            try:
                self._free()
            finally:
                self._lock.release()

    def _free(self) -> None:
        """Under the lock."""
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def __enter__(self) -> Explainer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(slots=True)
class _Round:
    """One target of each picture. rivals: what each is held against. looks: at them, one a size of input."""

    targets: list[Target]
    rivals: list[int | None]
    looks: list[Look] = field(default_factory=list)
