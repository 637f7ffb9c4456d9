"""torchvision's networks over clips, trained on Kinetics-400; weights by its own download, or ``--weights FILE``."""

from __future__ import annotations

from livecam.geometry import Accepts
from livecam.models import MODELS, Colour, ModelCard
from livecam.models.torchvision_zoo import builder, cached, download, published
from livecam.tasks.clips import CLIPS

FRAMES = CLIPS.frames
R3D: tuple[Colour, Colour] = (0.43216, 0.394666, 0.37645), (0.22803, 0.22145, 0.216989)
MVIT: tuple[Colour, Colour] = (0.45,) * 3, (0.225,) * 3


def _card(
    name: str,
    paper: str,
    layer: str,
    colours: tuple[Colour, Colour],
    *,
    size: int,
    fps: float,
    head: tuple[str, int] | None = None,
) -> ModelCard:
    """size: 112 takes any, 224 that only. fps: of the pictures of a window, in training."""
    accepts = Accepts(side=size if size == 224 else None, frames=FRAMES, step_s=1 / fps)
    return ModelCard(
        name=name,
        build=builder(name),
        state=lambda: download(name),
        labels=lambda classes: _labels(name, classes),
        mean=colours[0],
        std=colours[1],
        paper=paper,
        licence="BSD-3-Clause",
        origin="torchvision's download",
        at_hand=lambda: cached(name).exists(),
        input_size=size,
        classes=400,
        layer=layer,
        accepts=lambda _module: accepts,
        task=CLIPS,
        head=head,
    )


def _labels(name: str, classes: int) -> tuple[str, ...]:
    """The names of Kinetics-400, as torchvision lists them; for another number of classes, numbers."""
    known = tuple(published(name).meta["categories"])
    return known if len(known) == classes else tuple(f"class {number}" for number in range(classes))


_CARDS = (
    _card("r3d_18", "arXiv:1711.11248", "layer4", R3D, size=112, fps=15),
    _card("mc3_18", "arXiv:1711.11248", "layer4", R3D, size=112, fps=15),
    _card("r2plus1d_18", "arXiv:1711.11248", "layer4", R3D, size=112, fps=15),
    _card("s3d", "arXiv:1712.04851", "features", R3D, size=224, fps=15, head=("classifier.1.weight", 1)),
    _card("mvit_v1_b", "arXiv:2104.11227", "blocks.15.norm1", MVIT, size=224, fps=7.5),
    _card("mvit_v2_s", "arXiv:2112.01526", "blocks.15.norm1", MVIT, size=224, fps=7.5),
)
for _one in _CARDS:
    MODELS.add(_one.name, _one)
