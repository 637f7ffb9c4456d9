"""Names of classes."""

from __future__ import annotations

import json
from pathlib import Path

from livecam.errors import ConfigError, first_line

LARGEST = 16 << 20  # bytes of a file of names
LONGEST = 200  # characters of a name


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
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"--labels {path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"--labels {path}: is no text in UTF-8; give a name a line") from error
    if len(data) > LARGEST:
        raise ConfigError(f"--labels {path}: larger than {LARGEST >> 20} MiB is no list of names; give a name a line")
    if path.suffix.lower() == ".json":
        return parse_labels(text, f"--labels {path}")
    return tuple(shown(line) for line in text.splitlines() if line.strip())


def parse_labels(text: str, where: str) -> tuple[str, ...]:
    """Names from JSON. Raises ConfigError."""
    try:
        return _from_json(json.loads(text))
    except (ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise ConfigError(
            f"{where}: not a list of names nor an object of index to name ({first_line(error)[:200]}); "
            "or give a text file"
        ) from error


def _from_json(value: object) -> tuple[str, ...]:
    if isinstance(value, dict):
        indices = {int(key): name for key, name in value.items()}
        value = [indices[number] for number in range(len(indices))]
    if not isinstance(value, list):
        raise TypeError(f"found {type(value).__name__}")
    # [id, name] is the form of the well-known imagenet_class_index.json.
    return tuple(shown(str(name[-1] if isinstance(name, list) else name)) for name in value)


def shown(name: str) -> str:
    """A name as it may stand on a terminal and a page: one line, no control characters, not endless."""
    return "".join(char if char.isprintable() else " " for char in name).strip()[:LONGEST]
