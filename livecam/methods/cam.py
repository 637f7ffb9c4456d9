"""CAM, class activation mapping.

Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016, arXiv:1512.04150.

    M_c = Σ_k w_k^c f_k        (2), with the weights of the class in the linear layer behind global average pooling

As a map >= 0, like the others': what speaks against the class is cut off.
"""

from __future__ import annotations

from livecam.methods import METHODS, MethodCard
from livecam.methods._maps import weighted
from livecam.tap import Array, Need, Tap


def cam(tap: Tap, class_idx: list[int]) -> Array:
    """Maps (B, h, w) before the ReLU; mean + bias = logit."""
    return weighted(tap.weights(class_idx), tap.activations)


METHODS.add(
    "cam",
    MethodCard("cam", "CAM", cam, "arXiv:1512.04150", "none", frozenset({Need.LINEAR}), "gradcam, times h·w"),
)
