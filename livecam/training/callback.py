"""The same few validation pictures, explained each epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from livecam.errors import ConfigError, ModelError
from livecam.explainer import Explainer
from livecam.models import IMAGENET_MEAN, IMAGENET_STD, Colour, LoadedModel
from livecam.training.findings import Explained, Findings
from livecam.training.logs import Log, open_log
from livecam.training.panel import panel
from livecam.training.probes import Probes
from livecam.training.untouched import copied, same_random_numbers
from livecam.types import Explanation, Image, Prediction, check_picture


class ExplainCallback:
    """Explains ``pictures`` each epoch: the map of the predicted class and that of the true one, side by side.

    A copy of the network is explained: its modes, gradients, parameters, statistics and random numbers are not touched,
    so that a training computes bit for bit what it computes without. While explaining, that costs the memory of a
    second set of parameters.

    pictures: (H, W, 3) uint8 RGB each, any size, as they are before normalisation. targets: their true classes.
    labels: names of all classes. log: a folder, a ``SummaryWriter`` or a log (``livecam.training.logs``). mean, std: of
    RGB in [0, 1], with which you train. method, layer, detail, input, input_size: as of ``Explainer``; ``squash`` gives
    the network square pictures. probes: written to the same log and begun afresh each epoch, closed with the callback.
    every: explain in so many epochs once. network: of Lightning's module, the network with logits (B, classes) as
    output; None: the module itself.

    Raises ConfigError, MissingExtra.
    """

    def __init__(
        self,
        pictures: Sequence[Image] | NDArray[np.uint8],
        targets: Sequence[int],
        *,
        labels: Sequence[str],
        log: Log | str | Path | Any,
        mean: Colour = IMAGENET_MEAN,
        std: Colour = IMAGENET_STD,
        method: str = "gradcam",
        layer: str | None = None,
        detail: str = "live",
        input: str = "squash",
        input_size: int = 224,
        probes: Probes | None = None,
        every: int = 1,
        network: Callable[[Any], torch.nn.Module] | None = None,
    ) -> None:
        if not len(pictures) or len(pictures) != len(targets):
            raise ConfigError(f"{len(pictures)} pictures and {len(targets)} targets: give as many, at least one")
        for picture in pictures:
            check_picture(picture)
        wrong = [target for target in targets if not 0 <= target < len(labels)]
        if wrong:
            raise ConfigError(f"target {wrong[0]} does not exist: there are {len(labels)} labels")
        if every < 1:
            raise ConfigError(f"every {every}: explain at least every 1st epoch")
        self._pictures, self._targets, self._labels = list(pictures), [int(one) for one in targets], tuple(labels)
        self._mean, self._std, self._layer, self._size = mean, std, layer, input_size
        self._options: dict[str, Any] = {"method": method, "detail": detail, "input": input, "top_k": 1}
        self._probes, self._every, self._network = probes, every, network
        self._log = open_log(log)

    def __call__(self, module: torch.nn.Module, epoch: int, *, shared: tuple[Any, ...] = ()) -> Findings | None:
        """Explain with ``module`` as it is now, and write it down as ``epoch``; None in an epoch that is left out.

        shared: objects that ``module`` refers to and that are not to be copied with it.
        Raises ConfigError, ModelError, TargetLayerError, SinkError.
        """
        if epoch % self._every:
            return None
        with same_random_numbers():
            layers = self._probes.read() if self._probes else ()
            findings = Findings(epoch, self._explained(copied(module, shared)), layers)
            self._log.write(findings)
        return findings

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Lightning's hook, in the first process alone. Its validation may run never, or several times an epoch."""
        if trainer.is_global_zero:
            module = self._network(pl_module) if self._network else pl_module
            self(module, trainer.current_epoch, shared=(trainer,))

    def _explained(self, module: torch.nn.Module) -> tuple[Explained, ...]:
        device = next(module.parameters()).device
        self._check_width(module)
        name = type(module).__name__
        loaded = LoadedModel(name, module, self._labels, self._mean, self._std, self._layer, input_size=self._size)
        with Explainer(loaded, backend="torch", device=str(device), precision="float32", **self._options) as explainer:
            pairs = zip(self._pictures, self._targets, strict=True)
            return tuple(_explain(explainer, picture, target) for picture, target in pairs)

    def _check_width(self, module: torch.nn.Module) -> None:
        first = next(module.parameters())
        with torch.inference_mode():
            logits = module(torch.zeros((1, 3, self._size, self._size), device=first.device, dtype=first.dtype))
        if not isinstance(logits, torch.Tensor) or logits.shape != (1, len(self._labels)):
            found = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
            wanted = (1, len(self._labels))
            raise ModelError(f"{type(module).__name__}: gives {found} for a picture, not logits {wanted}, one a label")

    def close(self) -> None:
        """Take the probes' hooks away and close the log. Twice is harmless."""
        if self._probes is not None:
            self._probes.close()
        self._log.close()

    def __enter__(self) -> ExplainCallback:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _explain(explainer: Explainer, picture: Image, target: int) -> Explained:
    for_predicted = explainer.explain(picture)
    right = for_predicted.class_idx == target
    for_true = for_predicted if right else explainer.explain(picture, target)
    predicted, true = _asked(for_predicted), _asked(for_true)
    return Explained(predicted, true, for_predicted, for_true, panel(picture, for_predicted, for_true, predicted, true))


def _asked(explanation: Explanation) -> Prediction:
    assert explanation.target is not None  # an explainer always says it
    return explanation.target
