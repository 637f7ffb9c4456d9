"""Any pair of towers of open_clip as ``open_clip/NAME``, or ``open_clip/NAME.TAG`` for one of its published weights.

Radford et al., arXiv:2103.00020. They embed pictures and texts in one space and know no classes: what is explained are
likenesses (``livecam.tasks.similarity``).
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from livecam.errors import MissingExtra, ModelError, UnknownName, WeightsError, first_line
from livecam.geometry import ANY, Accepts
from livecam.models import OPEN_CLIP, ModelCard
from livecam.models.hub import download
from livecam.tasks.similarity import Embedding

if TYPE_CHECKING:
    import torch

    from livecam.models import State

log = logging.getLogger("livecam")


def open_clip_card(name: str) -> ModelCard:
    """The card of ``open_clip/NAME`` or ``open_clip/NAME.TAG``. Raises UnknownName, MissingExtra.

    Without a tag the weights are the first published ones that fit NAME as it is; for mean and std, any will do.
    """
    try:
        from open_clip import get_model_config, get_pretrained_cfg, list_models, list_pretrained_tags_by_model
        from open_clip.transform import PreprocessCfg
    except ImportError as error:
        raise MissingExtra(f"{name} needs {error.name}: pip install 'livecam[text]'") from error

    short, _, tag = name.removeprefix(OPEN_CLIP).partition(".")
    config: Any = get_model_config(short)
    if config is None:
        raise UnknownName(f"unknown model {name!r}; {_hint(OPEN_CLIP, short, list_models())}")
    tags = list_pretrained_tags_by_model(short)
    if tag and not get_pretrained_cfg(short, tag):
        raise UnknownName(f"unknown weights {name!r}; {_hint(f'{OPEN_CLIP}{short}.', tag, tags)}")
    own = config.get("quick_gelu", False)
    fitting = [one for one in tags if get_pretrained_cfg(short, one).get("quick_gelu", False) == own]
    published: Any = get_pretrained_cfg(short, tag or next(iter(fitting or tags), ""))
    quick = published.get("quick_gelu", False) if tag else own
    chosen = tag or next(iter(fitting), "")
    size = config["vision_cfg"]["image_size"]
    return ModelCard(
        name=name,
        build=lambda _classes: _build(name, short, force_quick_gelu=quick),
        state=lambda: _download(name, short, chosen, tags, quick),
        labels=lambda _classes: (),
        mean=published.get("mean", PreprocessCfg.mean),
        std=published.get("std", PreprocessCfg.std),
        paper="arXiv:2103.00020",
        licence="see its page",
        origin="open_clip's download",
        at_hand=lambda: _cached(published),
        input_size=size if isinstance(size, int) else size[0],
        classes=0,
        task=Embedding(encode=lambda module, texts: _encode(name, short, module, texts)),
        accepts=_accepts,
    )


def _hint(prefix: str, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known[:3]
    if not close:
        return "it has no published weights; give --weights FILE"
    return "did you mean " + " or ".join(f"'{prefix}{one}'" for one in close) + "?"


def _build(name: str, short: str, **options: Any) -> torch.nn.Module:
    import open_clip

    try:
        with _quiet_root():
            module: torch.nn.Module = open_clip.create_model(short, pretrained_text=False, **options)
    except RuntimeError as error:
        kind = MissingExtra if "transformers" in str(error) else ModelError
        raise kind(f"{name}: {first_line(error)}") from error
    return module


@contextmanager
def _quiet_root() -> Iterator[None]:
    """open_clip tells the root logger, for which a first message opens a stream to the terminal, that weights are
    missing. A filter of a logger passes on what comes from others."""
    root, none = logging.getLogger(), logging.NullHandler()

    def drop(record: logging.LogRecord) -> bool:
        return record.module != "factory"

    root.addHandler(none)
    root.addFilter(drop)
    try:
        yield
    finally:
        root.removeFilter(drop)
        root.removeHandler(none)


def _download(name: str, short: str, tag: str, tags: list[str], quick: bool) -> State:
    from open_clip import get_pretrained_cfg

    if not tag:
        raise WeightsError(f"{name} has no weights of its own; {_hint(f'{OPEN_CLIP}{short}.', 'openai', tags)}")
    module = download(
        name,
        lambda: _build(name, short, pretrained=tag, force_quick_gelu=quick),
        cached=_cached(get_pretrained_cfg(short, tag)),
        remedy="give --weights FILE",
    )
    return module.state_dict()


def _cached(published: Any) -> bool:
    """Are these weights on this machine? What is not on the hub is at an address of its own, and not looked for."""
    from huggingface_hub import try_to_load_from_cache
    from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

    repository, _, file = published.get("hf_hub", "").rpartition("/")
    names = (file, file.rpartition(".")[0] + ".safetensors") if file else (HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME)
    return bool(repository) and any(isinstance(try_to_load_from_cache(repository, one), str) for one in names)


def _accepts(module: torch.nn.Module) -> Accepts:
    """A convolutional tower of timm's takes any size; an embedding of positions fits one."""
    visual: Any = module.visual
    trunk = getattr(visual, "trunk", None)
    if trunk is not None and not trunk.pretrained_cfg.get("fixed_input_size", False):
        return ANY
    size = visual.image_size
    return Accepts(side=size if isinstance(size, int) else size[0])


def _encode(name: str, short: str, module: Any, texts: Sequence[str]) -> torch.Tensor:
    """(N, K). Raises MissingExtra, WeightsError where its tokenizer is not here."""
    import open_clip

    try:
        with _quiet_root():
            tokenizer: Any = open_clip.get_tokenizer(short)
    except ImportError as error:
        raise MissingExtra(f"{name}: its tokenizer needs {error.name}: pip install {error.name}") from error
    except Exception as error:
        raise WeightsError(f"{name}: its tokenizer could not be downloaded ({first_line(error)[:160]})") from error
    tokens = tokenizer(list(texts))
    longer = tokenizer([*texts, ""], context_length=tokens.shape[1] + 1)[:, -1]
    for text, last in zip(texts, longer, strict=False):
        if last != longer[-1]:
            log.warning("%r is longer than %s reads: its end is left out", text, name)
    embedded: torch.Tensor = module.encode_text(tokens)
    return embedded
