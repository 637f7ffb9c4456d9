"""Pictures on their way into an encoder."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np

from livecam._av import av
from livecam.errors import SinkError
from livecam.planes import Matrix, Planes, frame_of
from livecam.sinks import SinkOptions
from livecam.sinks._codecs import Coding, configure, open_encoder, sane_rate
from livecam.sinks._timeline import Shown
from livecam.types import Image, Picture, SourceInfo, rgb

Reformatter = av.video.reformatter.VideoReformatter
Colorspace = av.video.reformatter.Colorspace
ColorRange = av.video.reformatter.ColorRange
KEY_PICTURE = av.video.frame.PictureType.I

COLORSPACES: dict[Matrix, Colorspace] = {"bt709": Colorspace.ITU709, "bt601": Colorspace.ITU601}
LIVE_KEY_S = 1  # a recording that is killed loses at most this much; who joins a stream waits no longer


class Encoding:
    """Opens ``context`` for pictures like ``first``, and makes frames for it.

    Odd sizes are padded to even ones by repeating the edge. Planes are taken as they are, in the matrix of the first
    picture, RGB in BT.709, all in limited range. Live, at least one picture in LIVE_KEY_S is a key picture.

    Raises ConfigError when the encoder refuses an option or the size.
    """

    def __init__(
        self,
        context: av.VideoCodecContext,
        coding: Coding,
        options: SinkOptions,
        source: SourceInfo | None,
        first: Picture,
        time_base: Fraction,
    ) -> None:
        self._live = options.live
        self._time_base = time_base
        self._size = height, width = first.shape[:2]
        self._matrix: Matrix = first.matrix if isinstance(first, Planes) else "bt709"
        self._last_key: int | None = None
        self._reformatter = Reformatter()
        size = height + height % 2, width + width % 2
        rate = sane_rate(source.fps if source else 0.0)
        configure(context, coding, options, size=size, rate=rate, matrix=self._matrix)
        context.time_base = time_base
        context.sample_aspect_ratio = source.pixel_aspect if source else Fraction(1)
        open_encoder(context, options)

    def check_size(self, picture: Picture, name: str) -> None:
        """Raises SinkError, about the output ``name``, when the picture is not as large as the first one."""
        if picture.shape[:2] != self._size:
            (was_h, was_w), (height, width) = self._size, picture.shape[:2]
            raise SinkError(
                f"{name}: the picture has become {width}×{height}, the first was {was_w}×{was_h}; begin a new output"
            )

    def frame(self, picture: Picture, shown: Shown) -> av.VideoFrame:
        """A picture for the encoder, which keeps it."""
        if isinstance(picture, Planes) and picture.matrix == self._matrix:
            frame = frame_of(picture.limited())
        else:
            frame = self._converted(rgb(picture))
        frame.pts, frame.duration, frame.time_base = shown.ticks, shown.duration, self._time_base
        # The encoder counts pictures to the next key picture; live they come as they come, and time counts.
        if self._last_key is None:
            self._last_key = shown.ticks
        elif self._live and (shown.ticks - self._last_key) * self._time_base >= LIVE_KEY_S:
            frame.pict_type = KEY_PICTURE
            self._last_key = shown.ticks
        return frame

    def _converted(self, image: Image) -> av.VideoFrame:
        """(H, W, 3) uint8 RGB as yuv420p in the matrix of the recording, limited range."""
        height, width = image.shape[:2]
        if height % 2 or width % 2:
            image = np.asarray(cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE), np.uint8)
        return self._reformatter.reformat(
            av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(image), "rgb24"),
            format="yuv420p",
            dst_colorspace=COLORSPACES[self._matrix],
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
