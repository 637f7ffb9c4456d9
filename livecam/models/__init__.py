"""Models: a name and a card. ``load_model`` gives the network with everything that is needed to use it rightly."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from livecam.errors import ConfigError, UnknownName
from livecam.geometry import ANY, INPUT_SIZE, Accepts
from livecam.registry import Registry, load_all
from livecam.tasks import CLASSIFICATION, Task

if TYPE_CHECKING:
    import torch

    State = dict[str, torch.Tensor]

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
HALF = (0.5, 0.5, 0.5)
BACKGROUND = "__background__"

Colour = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything about a model that can be said without loading it.

    build: number of classes → untrained network, with logits (B, classes) as output, or what ``task.wrap`` takes.
    state: the published weights, from a package, a cache or a download; raises WeightsError.
    labels: number of classes → their names.
    mean, std: of RGB in [0, 1].
    input_size: short side in pixels that the weights were trained for.
    origin: where the weights come from, for people. at_hand: are they on this machine?
    accepts: what inputs the network of ``build`` takes.
    adapt: weights under other names → under the names of ``build``'s network (given its own state).
    task: what its numbers mean (``livecam.tasks``). head: the tensor that tells the number of classes, by its first
    side, and the rows that each class has there; None: the last matrix or kernel, a row each.
    """

    name: str
    build: Callable[[int], torch.nn.Module]
    state: Callable[[], State]
    labels: Callable[[int], tuple[str, ...]]
    mean: Colour
    std: Colour
    paper: str
    licence: str
    origin: str
    at_hand: Callable[[], bool]
    input_size: int = 224
    classes: int = 1000
    layer: str | None = None
    adapt: Callable[[State, State], State] = lambda state, _own: state
    task: Task = CLASSIFICATION
    head: tuple[str, int] | None = None
    accepts: Callable[[torch.nn.Module], Accepts] = lambda _module: ANY


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network ready to be explained: in evaluation mode, parameters frozen, on the CPU, float32.

    module: with an output (B, N), as ``task`` reads it; N is the number of labels in a classification.
    """

    name: str
    module: Any
    labels: tuple[str, ...]
    mean: Colour
    std: Colour
    layer: str | None
    accepts: Accepts = ANY
    task: Task = CLASSIFICATION
    input_size: int = INPUT_SIZE

    def load(self) -> LoadedModel:
        return self

    def fingerprint(self) -> str | None:
        """What it computes is not known by a name: nothing made of it may be kept."""
        return None


class Model(Protocol):
    """A network that is loaded when it is needed: LoadedModel, ModelSpec."""

    @property
    def name(self) -> str: ...

    @property
    def task(self) -> Task: ...

    @property
    def input_size(self) -> int:
        """Short side in pixels of the inputs that it is meant for."""
        ...

    def load(self) -> LoadedModel:
        """Raises UnknownName, WeightsError, ConfigError."""
        ...

    def fingerprint(self) -> str | None:
        """Equal for models that compute the same; None when that is not known."""
        ...


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """The arguments of ``load_model``: a model that may never have to be loaded, if what is made of it is kept."""

    name: str
    weights: Path | None = None
    labels: Path | None = None
    mean: Colour | None = None
    std: Colour | None = None

    @property
    def task(self) -> Task:
        if self.name.startswith(OPEN_CLIP):
            return get_card(self.name).task
        # timm's are classifiers; whether there is such a one, loading it will say. So do files of other frameworks.
        known = self.name in models()
        return models().get(self.name).task if known else CLASSIFICATION

    @property
    def input_size(self) -> int:
        # Classifiers take any size, and are all seen at the same one.
        return INPUT_SIZE if self.task is CLASSIFICATION else get_card(self.name).input_size

    def load(self) -> LoadedModel:
        return load_model(self.name, weights=self.weights, labels=self.labels, mean=self.mean, std=self.std)

    def fingerprint(self) -> str | None:
        """By name, the libraries' versions, and the content of the user's own files; None for code of the user's."""
        if is_own(self.name):
            return None
        versions = [f"{package} {version(package)}" for package in ("timm", "torchvision")]
        files = [_digest(path) if path else None for path in (self.weights, self.labels)]
        if random_seed(self.weights) is not None:
            files[0] = str(self.weights)
        return repr((self.name, versions, files, self.mean, self.std))


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()
    except OSError:
        return f"unread {path}"  # loading it will say what is wrong; None stands for what is published


MODELS: Registry[ModelCard] = Registry("model")
TIMM = "timm/"
OPEN_CLIP = "open_clip/"


def models() -> Registry[ModelCard]:
    """All cards that have a name of their own (``timm/NAME`` and ``open_clip/NAME`` have none: any will do)."""
    load_all(__name__)
    return MODELS


def is_own(name: str) -> bool:
    """Is it code or a card of the user's own, ``package.module:factory`` or ``FILE.toml``?

    >>> is_own("nets.mine:make"), is_own("C:/nets/mine.toml"), is_own("mobilenet_v2"), is_own("timm/hf_hub:a/b")
    (True, True, False, False)
    """
    return name.lower().endswith(".toml") or (":" in name and not name.startswith(TIMM))


def get_card(name: str) -> ModelCard:
    """The card of ``name``. Of the user's own (``livecam.models.own``): its factory is code, and is run.

    Raises UnknownName with a suggestion, and for the user's own ConfigError, ModelError.
    """
    if is_own(name):
        from livecam.models.own import own_card

        return own_card(name)
    if name.startswith(TIMM):
        from livecam.models.timm_zoo import timm_card

        return timm_card(name)
    if name.startswith(OPEN_CLIP):
        from livecam.models.open_clip_zoo import open_clip_card

        return open_clip_card(name)
    try:
        return models().get(name)
    except UnknownName as error:
        raise UnknownName(
            f"{error} (or 'timm/NAME' for any classifier of timm, 'open_clip/NAME' to compare with texts, "
            "or your own as package.module:factory or FILE.toml; see 'livecam models')"
        ) from None


def random_seed(weights: str | Path | None) -> int | None:
    """The seed in ``random`` (0) or ``random:SEED``, given in place of a file of weights; None for anything else."""
    found = re.fullmatch(r"random(?::(\d{1,9}))?", str(weights))
    return int(found[1] or 0) if found else None


def load_model(
    name: str,
    *,
    weights: str | Path | None = None,
    labels: str | Path | None = None,
    mean: Colour | None = None,
    std: Colour | None = None,
) -> LoadedModel:
    """The network ``name`` with its published weights, or with the user's own ``weights`` file.

    name: also ``package.module:factory`` or ``FILE.toml``: see ``livecam.models.own``, also for what may run code.
    weights: a checkpoint of the same architecture (``torch.save`` of a state dict, or ``.safetensors``); the number of
    classes is read from its head. ``random`` or ``random:SEED``: untrained, what it says means nothing. labels: a text
    file with a name a line, or JSON. mean, std: of RGB in [0, 1].
    Raises UnknownName, WeightsError, ConfigError, ModelError.
    """
    from livecam.models.checkpoint import fit, read_state, untrained
    from livecam.models.labels import read_labels

    card = get_card(name)
    seed = random_seed(weights)
    if seed is not None:
        module, classes = untrained(card, seed), card.classes
    else:
        state = read_state(Path(weights)) if weights is not None else card.state()
        module, classes = fit(card, state, where=str(weights or card.origin))
    names = read_labels(Path(labels)) if labels is not None else card.labels(classes)
    if labels is not None and card.task.background and len(names) == classes - 1:
        names = (BACKGROUND, *names)
    if len(names) != classes:
        raise ConfigError(
            f"{labels or name}: {len(names)} labels for a model of {classes} classes; give one a class, in order"
        )
    wrapped = card.task.wrap(module).eval()
    colours = mean or card.mean, std or card.std
    return LoadedModel(name, wrapped, names, *colours, card.layer, card.accepts(module), card.task, card.input_size)
