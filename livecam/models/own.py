"""Your own network: ``package.module:factory``, or a card in a TOML file.

A factory is a callable without arguments that must be given (``num_classes`` is passed if it takes it) and returns a
``torch.nn.Module`` with logits (B, classes), or a ``ModelCard``. **It is code, and naming it runs it.**

A TOML file may come from a stranger. With ``model`` (a name of ``livecam models``) it runs no code: checkpoints are
read with ``weights_only=True``. With ``factory`` it can only call what could be imported here without it: from the
installed packages or the working directory, never from its own folder, nor from Python's standard library (``os:abort``
takes no arguments either). So read a file with a ``factory`` before you use it, and use none from within a folder of
somebody whom you do not trust: its modules are importable there, as they are for ``python -m``.

The keys of a file, each optional but one of the first two; paths are relative to the file:

.. code-block:: toml

    model = "mobilenet_v2"            # a name of 'livecam models', or timm/NAME
    factory = "package.module:make"   # or code of your own
    weights = "best.ckpt"             # as --weights; None: the name's published ones, or what the factory returns
    labels = ["cat", "cup"]           # or a file as for --labels
    mean = [0.485, 0.456, 0.406]      # of RGB in [0, 1]; None: the name's, or ImageNet's
    std = [0.229, 0.224, 0.225]
    input_size = 96                   # short side of the network's input in pixels; None: 224
    layer = "features.17"             # target layer; None: found by itself
"""

from __future__ import annotations

import importlib
import inspect
import reprlib
import sys
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from livecam.errors import ConfigError, ModelError, first_line
from livecam.models import IMAGENET_MEAN, IMAGENET_STD, ModelCard, get_card, is_own
from livecam.models.checkpoint import read_state
from livecam.models.labels import numbered, read_labels

if TYPE_CHECKING:
    import torch

CLASSES = "num_classes"
LARGEST = 1 << 20  # bytes of a card
UNKNOWN = 1000  # classes asked of a factory that must be told a number; a checkpoint's head or the labels correct it


def own_card(name: str) -> ModelCard:
    """The card of ``package.module:factory`` or of ``FILE.toml``. Raises ConfigError, ModelError."""
    return _from_file(name) if name.lower().endswith(".toml") else _from_factory(name, None, 224)


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    model: str | None = None
    factory: str | None = None
    weights: str | None = None
    labels: Annotated[list[str], Field(min_length=1)] | str | None = None
    mean: Annotated[list[Annotated[float, Field(ge=0, le=1)]], Field(min_length=3, max_length=3)] | None = None
    std: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=3, max_length=3)] | None = None
    input_size: Annotated[int | None, Field(ge=32, le=2048)] = None
    layer: str | None = None


def _from_file(name: str) -> ModelCard:
    path = Path(name)
    file = _read(path)
    if (file.model is None) == (file.factory is None):
        raise ConfigError(f"--model {name}: give one of 'model' (a name of 'livecam models') and 'factory'")
    if isinstance(file.labels, str):
        labels: tuple[str, ...] | None = read_labels(path.parent / file.labels)
    else:
        labels = None if file.labels is None else tuple(file.labels)
    if file.factory is not None:
        _refuse_standard_library(name, file.factory)
        card = _from_factory(file.factory, len(labels) if labels else None, file.input_size or 224)
    elif is_own(str(file.model)):
        raise ConfigError(
            f"--model {name}: model {file.model!r} is no name of 'livecam models'; use 'factory' for code"
        )
    else:
        named = get_card(str(file.model))
        card = replace(named, classes=len(labels) if labels else named.classes)
    given: dict[str, Any] = {"name": name, "layer": file.layer or card.layer}
    if labels:
        given["labels"] = lambda _classes: labels
    if file.weights is not None:
        weights = path.parent / file.weights
        given |= {"state": lambda: read_state(weights), "origin": str(weights), "at_hand": weights.is_file}
    given |= {key: tuple(value) for key in ("mean", "std") if (value := getattr(file, key)) is not None}
    return replace(card, **given, input_size=file.input_size or card.input_size)


def _read(path: Path) -> _File:
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ConfigError(f"--model {path}: larger than {LARGEST >> 20} MiB is no card")
        return _File(**tomllib.loads(text.decode()))
    except ConfigError:
        raise
    except RecursionError as error:
        raise ConfigError(f"--model {path}: is nested too deeply for a card") from error
    except OSError as error:
        raise ConfigError(f"--model {path}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = first["loc"][0]
        if first["type"] == "extra_forbidden":
            known = ", ".join(_File.model_fields)
            raise ConfigError(f"--model {path}: no such key {reprlib.repr(key)}; there are {known}") from error
        message = first["msg"].removeprefix("Input ")
        raise ConfigError(f"--model {path}: {key}: {message}, not {reprlib.repr(first['input'])}") from error
    except ValueError as error:
        raise ConfigError(f"--model {path}: is no TOML ({first_line(error)})") from error


def _refuse_standard_library(name: str, factory: str) -> None:
    package = factory.partition(":")[0].partition(".")[0]
    if package in sys.stdlib_module_names or package == "builtins":
        raise ConfigError(f"--model {name}: {factory!r} is of Python's standard library, which makes no networks")


def _from_factory(spec: str, classes: int | None, input_size: int) -> ModelCard:
    """classes: how many there are to be, where that is known."""
    factory = _imported(spec)
    made = _called(spec, factory, _arguments(factory, classes))
    if isinstance(made, ModelCard):
        return made
    first = _network(spec, made)
    width = _width(spec, first, input_size)

    def build(asked: int) -> torch.nn.Module:
        if asked == width or not _takes(factory):
            return first
        return _network(spec, _called(spec, factory, {CLASSES: asked}))

    return ModelCard(
        name=spec,
        build=build,
        state=first.state_dict,
        labels=numbered,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        paper="your own",
        licence="your own",
        origin=f"what {spec} returns",
        at_hand=lambda: True,
        input_size=input_size,
        classes=width,
    )


def _imported(spec: str) -> Callable[..., Any]:
    """The callable at ``package.module:name``, also of the working directory."""
    where, _, what = spec.partition(":")
    if not where or not what:
        raise ConfigError(f"--model {spec}: give package.module:factory")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)  # it stays: a network may import more when it runs
    try:
        found: Any = importlib.import_module(where)
        for part in what.split("."):
            found = getattr(found, part)
    except ModuleNotFoundError as error:
        where = f"in {here} or among the installed packages"
        raise ConfigError(f"--model {spec}: there is no module {error.name!r} {where}") from error
    except Exception as error:  # whatever it does when it is imported
        raise ConfigError(f"--model {spec}: cannot be imported: {type(error).__name__}: {first_line(error)}") from error
    if not callable(found):
        raise ConfigError(f"--model {spec}: is a {type(found).__name__}; give a callable that returns the network")
    return found  # type: ignore[no-any-return]


def _takes(factory: Callable[..., Any]) -> inspect.Parameter | None:
    """The parameter by which it is told the number of classes, be it ``**kwargs``."""
    try:
        parameters = inspect.signature(factory).parameters
    except (TypeError, ValueError):  # of a callable without a signature
        return None
    kwargs = next((one for one in parameters.values() if one.kind is inspect.Parameter.VAR_KEYWORD), None)
    return parameters.get(CLASSES, kwargs)


def _arguments(factory: Callable[..., Any], classes: int | None) -> dict[str, int]:
    takes = _takes(factory)
    if takes is None:
        return {}
    must = takes.name == CLASSES and takes.default is inspect.Parameter.empty
    number = classes or (UNKNOWN if must else None)
    return {CLASSES: number} if number else {}


def _called(spec: str, factory: Callable[..., Any], arguments: dict[str, int]) -> Any:
    try:
        return factory(**arguments)
    except Exception as error:
        given = ", ".join(f"{key}={value}" for key, value in arguments.items())
        raise ModelError(f"--model {spec}({given}): {type(error).__name__}: {first_line(error)}") from error


def _network(spec: str, made: Any) -> torch.nn.Module:
    import torch

    if isinstance(made, torch.nn.DataParallel | torch.nn.parallel.DistributedDataParallel):
        made = made.module
    if not isinstance(made, torch.nn.Module):
        raise ConfigError(f"--model {spec}: returned a {type(made).__name__}, not a torch.nn.Module or a ModelCard")
    return made.to("cpu", torch.float32).eval()


def _width(spec: str, module: torch.nn.Module, input_size: int) -> int:
    """The number of classes: of logits of an empty picture."""
    import torch

    shape = (1, 3, input_size, input_size)
    try:
        with torch.inference_mode():
            logits = module(torch.zeros(shape))
    except Exception as error:
        remedy = "say its input_size in a TOML card"
        raise ModelError(
            f"--model {spec}: the network does not take pictures of {shape}: {first_line(error)}; {remedy}"
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        what = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise ModelError(
            f"--model {spec}: gives {what} for a picture, not logits (batch, classes); wrap it so that it does"
        )
    return int(logits.shape[1])
