"""A heatmap over a picture, on the device that explains: one copy there, one copy back."""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import torch

from livecam.errors import ModelError, first_line
from livecam.overlay.blend import DEFAULT_ALPHA, DEFAULT_MODE, check_heatmap
from livecam.overlay.colormap import DEFAULT_COLORMAP
from livecam.overlay.tint import FLOOR_STEPS, tint
from livecam.types import Heatmap, Image, check_picture


class DeviceBlend:
    """What ``blend`` of quality 0 does, by PyTorch on ``device``; equal within the rounding of the interpolation.

    On CUDA it has a stream of its own, so that it does not wait behind a forward pass. One thread at a time.
    """

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._stream: torch.cuda.Stream | None = None
        if self._device.type == "cuda":
            self._stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]

    def __call__(
        self,
        image: Image,
        heatmap: Heatmap,
        *,
        colormap: str = DEFAULT_COLORMAP,
        alpha: float = DEFAULT_ALPHA,
        mode: str = DEFAULT_MODE,
    ) -> Image:
        """A new (H, W, 3) uint8 RGB; arguments as of ``blend``. Raises ConfigError, UnknownName, ModelError."""
        check_picture(image)
        check_heatmap(heatmap)
        tables = tint(colormap, float(alpha), mode)
        table = np.column_stack([tables.colour.reshape(256, 3), tables.keep])
        try:
            with torch.inference_mode(), torch.cuda.stream(self._stream) if self._stream else nullcontext():
                out = _mixed(self._there(image), self._there(np.asarray(heatmap, np.float32)), self._there(table))
                return self._back(out)
        except RuntimeError as error:
            reason = first_line(error)
            raise ModelError(f"{self._device}: cannot blend a picture of {image.shape}: {reason}") from error

    def _there(self, array: Image | Heatmap) -> torch.Tensor:
        # A copy, in pinned memory where the device reads it by itself: nobody's array is held, none need be writable.
        host = torch.empty(array.shape, dtype=_DTYPES[array.dtype.type], pin_memory=self._stream is not None)
        host.numpy()[...] = array
        return host.to(self._device, non_blocking=True)

    def _back(self, out: torch.Tensor) -> Image:
        host = out.to("cpu", non_blocking=True)
        if self._stream is not None:
            self._stream.synchronize()
        return np.asarray(host.numpy(), np.uint8)


_DTYPES = {np.uint8: torch.uint8, np.float32: torch.float32}


def _mixed(image: torch.Tensor, heatmap: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """image (H, W, 3) uint8, heatmap (h, w) float32, table (256, 4) uint8: premultiplied RGB, and what is kept."""
    size = (image.shape[0], image.shape[1])
    heat = torch.nn.functional.interpolate(heatmap[None, None], size, mode="bilinear", align_corners=False)[0, 0]
    steps = (255 * heat - FLOOR_STEPS).nan_to_num(0).round().clamp(0, 255)
    tinted = table[steps.long()].float()
    kept = (image * tinted[..., 3:] / 255).round()
    return (kept + tinted[..., :3]).clamp(max=255).to(torch.uint8)
