"""Names of classes."""

from __future__ import annotations

import json
from pathlib import Path

from livecam.errors import ConfigError


def imagenet_labels(classes: int) -> tuple[str, ...]:
    """The 1000 names of ILSVRC-2012 as torchvision spells them; for another number of classes, numbers."""
    if classes != 1000:
        return numbered(classes)
    from torchvision.models import MobileNet_V2_Weights

    return tuple(MobileNet_V2_Weights.IMAGENET1K_V1.meta["categories"])


def numbered(classes: int) -> tuple[str, ...]:
    """Where nobody has said their names.

    >>> numbered(2)
    ('class 0', 'class 1')
    """
    return tuple(f"class {number}" for number in range(classes))


def read_labels(path: Path) -> tuple[str, ...]:
    """A text file with a name a line; or JSON: a list, or an object from index to name or to [id, name].

    Raises ConfigError.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".json":
            return _from_json(json.loads(text))
    except OSError as error:
        raise ConfigError(f"--labels {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, IndexError) as error:
        raise ConfigError(
            f"--labels {path}: not a list of names nor an object of index to name ({error}); or give a text file"
        ) from error
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _from_json(value: object) -> tuple[str, ...]:
    if isinstance(value, dict):
        indices = {int(key): name for key, name in value.items()}
        value = [indices[number] for number in range(len(indices))]
    if not isinstance(value, list):
        raise TypeError(f"found {type(value).__name__}")
    # [id, name] is the form of the well-known imagenet_class_index.json.
    return tuple(str(name[-1] if isinstance(name, list) else name) for name in value)
