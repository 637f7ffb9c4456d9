"""The nouns that travel through livecam. Frozen; NumPy only.

One colour order, RGB. Two clocks, never mixed: ``pts`` (media seconds, for recording at true speed) and
``captured_at`` (``time.monotonic`` seconds, for latency).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError
from livecam.geometry import WHOLE, Region
from livecam.heat import Normalise
from livecam.planes import Planes
from livecam.upsampling import Upsample, upsample

Image = NDArray[np.uint8]
Picture = Image | Planes
Heatmap = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """What a source says of itself before its first frame. Rates and lengths are claims, never loop bounds.

    width, height: pixels of the pictures that it yields (upright, after rotation).
    fps: claimed frames a second, 0.0 when unknown.
    time_base: seconds of one tick of ``Frame.ticks``.
    frames, duration_s: claimed length, 0 / 0.0 when unknown.
    live: True when frames arrive by themselves in real time (camera, rtsp): a late reader loses them.
    media: the file or URL whose audio belongs to these pictures, else None.
    start_s, stop_s: the part of ``media`` that was asked for, in its own media seconds; None means its end.
    pixel_aspect: width of a pixel over its height.
    detail: one line for people, e.g. a camera's negotiated mode.
    """

    name: str
    width: int
    height: int
    fps: float
    time_base: Fraction
    frames: int = 0
    duration_s: float = 0.0
    live: bool = False
    media: str | None = None
    start_s: float | None = None
    stop_s: float | None = None
    pixel_aspect: Fraction = Fraction(1)
    detail: str = ""


@dataclass(frozen=True, slots=True, init=False)
class Frame:
    """One picture of a source: ``Frame(image, index, pts, captured_at)``.

    picture: what it was made of, (H, W, 3) uint8 RGB or the planes of a recording.
    index: 0-based, counts delivered frames.
    pts: presentation time in media seconds; may start anywhere, also below zero.
    captured_at: monotonic seconds at which the picture entered the process.
    ticks: ``pts`` as an exact integer of the source's ``time_base``.
    duration: ticks for which the picture is shown, 0 when unknown.
    """

    picture: Picture
    index: int
    pts: float
    captured_at: float
    ticks: int
    duration: int

    def __init__(
        self, image: Picture, index: int, pts: float, captured_at: float, ticks: int = 0, duration: int = 0
    ) -> None:
        _set(self, picture=image, index=index, pts=pts, captured_at=captured_at, ticks=ticks, duration=duration)

    def captured(self, at: float) -> Frame:
        """The same picture, captured at another time."""
        return Frame(self.picture, self.index, self.pts, at, self.ticks, self.duration)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB; planes are converted on demand, once."""
        return rgb(self.picture)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A class and its score in [0, 1]: the softmax probability. Of a detector, of its surest box; of a segmenter, the
    share of the picture; of references, the cosine of the angle between the features, 0 for what is unlike."""

    class_idx: int
    label: str
    score: float


@dataclass(frozen=True, slots=True)
class Vote:
    """What one spot of the picture adds to the logit of a class, in logit units; below zero it speaks against it.

    exact: the logits are linear in the target layer, so that the votes of all spots and the bias make up the logit.
    Otherwise it is the share to first order, gradient × activation.
    """

    class_idx: int
    label: str
    contribution: float
    exact: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of a picture beyond "what is it, and where is that seen".

    rank: which of the best classes is explained, 1 for the best. against: "why the explained class and not this one",
    a class or the best of the others. spot: (x, y), fractions of the picture, whose votes are asked for. method: a name
    of ``livecam methods``; None: the explainer's own.
    """

    rank: int = 1
    against: int | Literal["runner-up"] | None = None
    spot: tuple[float, float] | None = None
    method: str | None = None


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """Whether a map tells the truth: what becomes of the explained class when the hottest part cannot be seen.

    frame_index: ``Frame.index`` of the picture that was classified again. class_idx: the explained class.
    before, after, control: its softmax probability in [0, 1]: of the picture as it is; with the hottest part of the map
    hidden; with a part of the same shape hidden where the map is cold. A true map has ``after`` far below ``control``.
    share: of the map's area that was hidden each time, in (0, 1].
    """

    frame_index: int
    class_idx: int
    before: float
    after: float
    control: float
    share: float

    @property
    def drop(self) -> float:
        """By how much hiding the hottest part lowers the probability, in [-1, 1]; below zero it rises."""
        return self.before - self.after

    @property
    def control_drop(self) -> float:
        """The same for the cold part."""
        return self.before - self.control


@dataclass(frozen=True, slots=True)
class Detected:
    """One thing that was found in a picture, and where the network looked to say what it is.

    box: (y0, x0, y1, x1) as fractions of the picture. prediction: its class; the score is its probability among the
    classes of this box. cam, peak: as in Explanation, over the same region. track: the number that it keeps from
    picture to picture; None in a picture that stands alone.
    """

    box: Region
    prediction: Prediction
    cam: Heatmap
    peak: float
    track: int | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the network saw in one picture, and where it looked.

    frame_index: ``Frame.index`` of the explained picture.
    class_idx: the explained class, not always ``top[0]`` (a held or a chosen class).
    top: the best classes, best first.
    cam: (h, w) float32 in [0, 1] at feature size.
    peak: maximum of the raw map before scaling, in units of the method (for Grad-CAM: contribution to the logit).
    seconds: time that explaining took.
    region: the part of the picture that ``cam`` covers, as fractions (y0, x0, y1, x1).
    target: the explained class with its label and score, also when it is not among ``top``.
    against: the class that the explained one is held against: the map then shows what speaks for the one rather than
    the other. spot: (x, y), fractions of the picture; votes: what it adds to the classes, the strongest first, empty
    outside ``region``.
    normalise: how ``cam`` was made of the raw map (``livecam.heat``); ``cam * peak`` is that map for ``peak``.
    upsampling: how ``heatmap`` interpolates: ``bilinear``, ``cubic``, or ``guided`` by the picture.
    clip: of a network over clips, the maps of each moment of the window that ends here, (moments, h, w) float32 in
    [0, 1] of one scale, the oldest first, of which ``cam`` is the last; else None. moments: the shares of the heat that
    each of them has, which add up to 1 (or are 0).
    faithfulness: the newest check of this class and method, at times of an earlier picture; None when none was made.
    objects: what a detector found, best first; ``cam`` is then the highest of their maps, and ``peak`` of their peaks.
    mask: (h, w) bool over ``region``: the part of the picture that a segmenter calls ``class_idx``, and that the map is
    about; None for what does no segmentation.
    random_weights: the network was never trained: nothing of this means anything.
    """

    frame_index: int
    class_idx: int
    top: tuple[Prediction, ...]
    cam: Heatmap
    peak: float
    method: str
    target_layer: str
    seconds: float
    region: Region = WHOLE
    target: Prediction | None = None
    against: Prediction | None = None
    spot: tuple[float, float] | None = None
    votes: tuple[Vote, ...] = ()
    upsampling: Upsample = "bilinear"
    normalise: Normalise = "peak"
    faithfulness: Faithfulness | None = None
    objects: tuple[Detected, ...] = ()
    mask: NDArray[np.bool_] | None = None
    random_weights: bool = False
    clip: Heatmap | None = None
    moments: tuple[float, ...] = ()

    def heatmap(self, size: tuple[int, int], guide: Picture | None = None) -> Heatmap:
        """The map at picture size: (H, W) float32 in [0, 1], zero outside ``region``.

        size: (H, W) of the result. guide: the picture whose edges ``guided`` upsampling follows, of any size:
        (H', W', 3) uint8 RGB, or planes. Without one it is cubic.
        """
        return upsample(self.cam, size, self.region, self.upsampling, guide)


@dataclass(frozen=True, slots=True, init=False)
class AnnotatedFrame:
    """A picture with its explanation drawn in: ``AnnotatedFrame(frame, image, explanation, lag)``.

    picture: what was drawn on, (H, W, 3) uint8 RGB or planes.
    lag: ``frame.index - explanation.frame_index``; 0 exact, None no explanation yet.
    level: quality level used, 0 (best) to 3.
    """

    frame: Frame
    picture: Picture
    explanation: Explanation | None
    lag: int | None
    level: int

    def __init__(
        self, frame: Frame, image: Picture, explanation: Explanation | None, lag: int | None, level: int = 0
    ) -> None:
        _set(self, frame=frame, picture=image, explanation=explanation, lag=lag, level=level)

    @property
    def image(self) -> Image:
        """(H, W, 3) uint8 RGB; planes are converted on demand, once."""
        return rgb(self.picture)


def _set(thing: object, **fields: object) -> None:
    """What a frozen class's own ``__init__`` does."""
    for name, value in fields.items():
        object.__setattr__(thing, name, value)


def check_picture(image: Image) -> None:
    """Raise ConfigError for what is no picture."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise ConfigError(f"a picture is (H, W, 3) uint8 RGB, not {image.shape} {image.dtype}")


def rgb(picture: Picture) -> Image:
    """(H, W, 3) uint8 RGB of a picture."""
    return picture.rgb if isinstance(picture, Planes) else picture


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a sink is told before its first frame: where the pictures come from and who explains them."""

    source: SourceInfo
    model: str
    method: str
    target_layer: str
    labels: int
    random_weights: bool = False
