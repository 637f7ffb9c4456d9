"""The one door to PyAV: OpenCV is imported first.

PyAV's wheel carries its own libxcb; when it is loaded before OpenCV's Qt, ``cv2.imshow`` hangs for ever
(opencv/opencv#29195). Every module of livecam says ``from livecam._av import av``; a lint rule forbids the rest.
"""

from __future__ import annotations

import cv2  # noqa: F401  must come before av

import av  # isort: skip  # noqa: TID251
import av.logging  # isort: skip  # noqa: TID251

# FFmpeg's own log lines would break the progress bar; what matters arrives as an exception or a count. None keeps the
# callback out of Python: with a level, even PANIC, a decoding thread that logs an error waits for the GIL, and the
# thread that holds the GIL may be waiting for it: a deadlock.
av.logging.set_level(None)

__all__ = ["av"]
