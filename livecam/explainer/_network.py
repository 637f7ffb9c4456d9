"""The network that an explainer is asked for, and how it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from livecam.errors import ConfigError, SourceError
from livecam.models import Colour, Model, ModelSpec, is_own
from livecam.models.labels import read_labels, shown
from livecam.models.likeness import LikeSpec
from livecam.sources import open_source
from livecam.tasks.clips import ClipClassification
from livecam.tasks.similarity import Embedding
from livecam.types import Image


def check_numbers(input_size: int | None, min_score: float, budget: int | None) -> None:
    """Raise ConfigError for what is out of range."""
    if input_size is not None and input_size < 32:
        raise ConfigError(f"input size {input_size} is too small; give at least 32 pixels")
    if not 0 <= min_score <= 1:
        raise ConfigError(f"min score {min_score} is not between 0 and 1")
    if budget is not None and budget < 1:
        raise ConfigError(f"a budget of {budget} forward passes explains nothing; give at least 1")


def given(
    model: str | Model, weights: str | Path | None, labels: str | Path | None, mean: Colour | None, std: Colour | None
) -> Model:
    """The network by name with what belongs to it, or as it is. Raises ConfigError."""
    if not isinstance(model, str):
        if any(one is not None for one in (weights, labels, mean, std)):
            raise ConfigError(
                f"weights, labels, mean, std: are for a model by name; {model.name!r} is given with its own"
            )
        return model
    files = [Path(file) if file is not None else None for file in (weights, labels)]
    spec = ModelSpec(model, files[0], files[1], mean, std)
    return spec.load() if is_own(model) else spec  # nothing is kept of it: it has to be loaded anyway


def likened(spec: Model, like: Sequence[str | Path], like_text: str | Sequence[str], input: str, short: int) -> Model:
    """``spec`` with references for its classes: the first picture of each of ``like``, or texts; without any, as it is.
    Of a model that embeds texts the labels are such. input, short: as of ``LikeSpec``.

    Raises SourceError, ConfigError.
    """
    texts = (like_text,) if isinstance(like_text, str) else tuple(like_text)
    embeds = isinstance(spec.task, Embedding)
    if embeds and isinstance(spec, ModelSpec) and spec.labels:
        texts, spec = (*texts, *read_labels(spec.labels)), replace(spec, labels=None)
    if like and texts:
        raise ConfigError(
            "--like and --like-text, or --labels: pictures are more alike than a picture and words ever are, so that "
            "their scores cannot be compared; give one of them"
        )
    if texts:
        names = tuple(shown(text) for text in texts)
        if not all(names):
            raise ConfigError("--like-text: is empty; give words, as in --like-text 'a red cup'")
        return LikeSpec(spec, names, input, short, texts=texts)
    if like:
        return LikeSpec(spec, _names(list(map(Path, like))), input, short, pictures=_pictures(like))
    if embeds:
        raise ConfigError(
            f"{spec.name} knows no classes; say what to look for: --like-text 'a red cup', --like PICTURE, or "
            "--labels FILE"
        )
    return spec


def _pictures(paths: Sequence[str | Path]) -> tuple[Image, ...]:
    pictures = []
    for path in paths:
        with open_source(str(path)) as source:
            frame = source.read()
        if frame is None:
            raise SourceError(f"{path}: there is no picture in it")
        pictures.append(frame.image)
    return tuple(pictures)


def _names(paths: list[Path]) -> tuple[str, ...]:
    """What the references are called: as their files, and as their folders, too, where these are called alike."""
    stems = [path.stem for path in paths]
    return tuple(path.stem if stems.count(path.stem) == 1 else f"{path.parent.name}/{path.stem}" for path in paths)


def looks_once(model: Model, side: int | None, *, asked: bool) -> bool:
    """Is a picture seen at one scale only? side: the only one that it takes. asked: were scales asked for?

    Raises ConfigError where they do not go with it.
    """
    apart = model.task.many or isinstance(model.task, ClipClassification)
    if asked and (apart or side is not None):
        why = "what it finds at one size is not what it finds at another" if apart else "it takes inputs of one size"
        raise ConfigError(f"scales do not go with {model.name}: {why}")
    return apart or side is not None
