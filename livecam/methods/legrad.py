"""LeGrad: how sensitive what a Vision Transformer has formed, block by block, is to where it attends.

Bousselham et al., "LeGrad: An Explainability Method for Vision Transformers via Feature Formation Sensitivity", ICCV
2025, arXiv:2404.03214.

    s_l = y^c of the mean of the tokens behind block l
    E_l = 1/(heads·N) Σ_heads Σ_queries ReLU(∂s_l/∂A_l)        A_l: attention maps behind softmax
    E   = 1/L Σ_l E_l, of the patches, less its minimum
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._attention import placed
from livecam.tap import Array, Need, Tap


def legrad(tap: Tap, class_idx: list[int]) -> Array:
    """Raw maps (B, h, w) >= 0."""
    found = tap.attention(class_idx, formed=True)
    layers = [one.clip(min=0).mean((1, 2)) for one in found.gradients]
    return placed(tap.numpy(sum(layers) / len(layers)), found)


METHODS.add(
    "legrad",
    MethodCard(
        "legrad",
        "LeGrad",
        legrad,
        "arXiv:2404.03214",
        "1 forward; for each block a backward through it and the head",
        frozenset({Need.ATTENTION}),
    ),
)
