"""torchvision's detectors and segmenters on MobileNetV3; weights by its own download, or ``--weights FILE``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from livecam.models import BACKGROUND, HALF, IMAGENET_MEAN, IMAGENET_STD, MODELS, Colour, ModelCard
from livecam.models.torchvision_zoo import cached, download, published
from livecam.tasks import Task
from livecam.tasks.detection import FASTER_RCNN, SSD
from livecam.tasks.segmentation import SEGMENTATION

if TYPE_CHECKING:
    import torch

    from livecam.models import State

COCO, VOC = 91, 21


def _card(
    name: str,
    task: Task,
    paper: str,
    *,
    classes: int,
    size: int,
    layer: str,
    head: tuple[str, int],
    mean: Colour = IMAGENET_MEAN,
    std: Colour = IMAGENET_STD,
) -> ModelCard:
    return ModelCard(
        name=name,
        build=_builder(name),
        state=lambda: download(name),
        labels=lambda number: _labels(name, number),
        mean=mean,
        std=std,
        paper=paper,
        licence="BSD-3-Clause",
        origin="torchvision's download",
        at_hand=lambda: cached(name).exists(),
        input_size=size,
        classes=classes,
        layer=layer,
        adapt=_without_auxiliary,
        task=task,
        head=head,
    )


def _builder(name: str) -> Callable[[int], torch.nn.Module]:
    def build(classes: int) -> torch.nn.Module:
        import torchvision

        module: torch.nn.Module = torchvision.models.get_model(
            name, weights=None, weights_backbone=None, num_classes=classes
        )
        return module

    return build


def _labels(name: str, classes: int) -> tuple[str, ...]:
    """The names of COCO or of Pascal VOC, as torchvision lists them; for another number of classes, numbers."""
    known = tuple(published(name).meta["categories"])
    return known if len(known) == classes else (BACKGROUND, *(f"class {number}" for number in range(1, classes)))


def _without_auxiliary(state: State, _own: State) -> State:
    """A second head of the segmenters, which only training uses."""
    return {key: tensor for key, tensor in state.items() if not key.startswith("aux_classifier.")}


# Target layers: of the detectors, the last one on which all of their scales depend; of the others, the head's input.
_CARDS = (
    _card(
        "ssdlite320_mobilenet_v3_large",
        SSD,
        "arXiv:1905.02244",
        classes=COCO,
        size=320,
        layer="backbone.features.0",
        head=("head.classification_head.module_list.0.1.weight", 6),
        mean=HALF,
        std=HALF,
    ),
    *(
        _card(
            name,
            FASTER_RCNN,
            "arXiv:1506.01497",
            classes=COCO,
            size=size,
            layer="backbone.body.13",
            head=("roi_heads.box_predictor.cls_score.weight", 1),
        )
        for name, size in {
            "fasterrcnn_mobilenet_v3_large_fpn": 800,
            "fasterrcnn_mobilenet_v3_large_320_fpn": 320,
        }.items()
    ),
    _card(
        "lraspp_mobilenet_v3_large",
        SEGMENTATION,
        "arXiv:1905.02244",
        classes=VOC,
        size=520,
        layer="backbone.16",
        head=("classifier.low_classifier.weight", 1),
    ),
    _card(
        "deeplabv3_mobilenet_v3_large",
        SEGMENTATION,
        "arXiv:1706.05587",
        classes=VOC,
        size=520,
        layer="backbone.16",
        head=("classifier.4.weight", 1),
    ),
)
for _one in _CARDS:
    MODELS.add(_one.name, _one)
