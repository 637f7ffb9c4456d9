"""What an engine without autograd must know of a network, and what it has made of it, kept in the cache.

With a warm cache the network is never loaded, and PyTorch never imported.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from livecam.backends.head import Head, find_head
from livecam.cache import Cache
from livecam.models import LoadedModel, Model
from livecam.tap import Floats

if TYPE_CHECKING:
    import torch

META, HEAD = "meta.json", "head.npz"


class Prepared:
    """``model`` with its labels, target layer, head, and the (mean, std) of its input.

    engine: everything beside the model that decides what is made of it: its name, its version, the machine.
    Raises TargetLayerError for a head that is not pooling and one or two linear layers, and what loading raises.
    """

    def __init__(self, model: Model, layer: str | None, engine: str, cache: Cache | None = None) -> None:
        self._model, self._layer, self._engine = model, layer, engine
        self._fingerprint = model.fingerprint()
        self._cache = cache or Cache()
        self._loaded: LoadedModel | None = None
        known = self.kept("head") or self._describe()
        meta = json.loads(known[META])
        self.labels: tuple[str, ...] = tuple(meta["labels"])
        self.target_layer: str = meta["target_layer"]
        self.mean, self.std = (np.array(meta[name], np.float32) for name in ("mean", "std"))
        # (x / 255 − mean) / std as one multiply and one add
        self._scale, self._shift = 1 / (255 * self.std), -self.mean / self.std
        self.head = _read_head(known[HEAD])

    def normalised(self, pictures: NDArray[np.uint8]) -> Floats:
        """(B, H, W, 3) RGB → (B, 3, H, W) in the network's own range."""
        return np.ascontiguousarray((pictures * self._scale + self._shift).transpose(0, 3, 1, 2), np.float32)

    def kept(self, part: str) -> dict[str, bytes] | None:
        """The files that were kept as ``part``."""
        return self._cache.get(self._key(part)) if self._fingerprint else None

    def keep(self, part: str, files: dict[str, bytes]) -> bool:
        """Keep ``files``; False for a model that nothing is kept of."""
        if self._fingerprint:
            self._cache.put(self._key(part), files)
        return self._fingerprint is not None

    def traced(self, size: tuple[int, int]) -> torch.export.ExportedProgram:
        """The network for pictures of ``size`` (H, W): see ``livecam.backends.tapped``."""
        from livecam.backends.tapped import exported

        return exported(self._load().module, self.target_layer, self.head, size)

    def release(self) -> None:
        """Free the network; it is loaded again when it is needed."""
        self._loaded = None

    def _describe(self) -> dict[str, bytes]:
        from livecam.backends.target_layer import find_target_layer

        loaded = self._load()
        target_layer, _ = find_target_layer(
            loaded.module, len(loaded.labels), self._layer or loaded.layer, loaded.input_size
        )
        head = find_head(loaded.module, target_layer, len(loaded.labels))
        meta = {"labels": loaded.labels, "target_layer": target_layer, "mean": loaded.mean, "std": loaded.std}
        files = {META: json.dumps(meta).encode(), HEAD: _write_head(head)}
        self.keep("head", files)
        return files

    def _load(self) -> LoadedModel:
        if self._loaded is None:
            self._loaded = self._model.load()
        return self._loaded

    def _key(self, part: str) -> str:
        return repr((part, self._fingerprint, self._layer, self._engine))


def _write_head(head: Head) -> bytes:
    arrays = {
        name: value for name in ("last", "hidden", "scale", "shift") if (value := getattr(head, name)) is not None
    }
    out = io.BytesIO()
    np.savez(out, activation=head.activation, hidden_layer=head.hidden_layer, **arrays)
    return out.getvalue()


def _read_head(data: bytes) -> Head:
    with np.load(io.BytesIO(data)) as stored:
        fields: dict[str, Any] = {name: stored[name] for name in stored.files}
    return Head(**fields | {name: str(fields[name]) for name in ("activation", "hidden_layer")})
