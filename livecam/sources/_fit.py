"""One size for all pictures of a source."""

from __future__ import annotations

import cv2
import numpy as np

from livecam.types import Image


def fitted(image: Image, width: int, height: int) -> Image:
    """Scaled to fit, in the middle of a black (height, width, 3) picture."""
    own_height, own_width = image.shape[:2]
    if (own_width, own_height) == (width, height):
        return image
    scale = min(width / own_width, height / own_height)
    inner = (max(round(own_width * scale), 1), max(round(own_height * scale), 1))
    scaled = cv2.resize(image, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    canvas = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    canvas[top : top + inner[1], left : left + inner[0]] = scaled
    return canvas
