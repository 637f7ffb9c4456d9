"""``fullscreen``: a window for strangers. It fills the screen, hides the cursor and knows no keys."""

from __future__ import annotations

import ctypes
import os
import sys
import time

import cv2

from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.sinks.window import check_display
from livecam.types import AnnotatedFrame, Image, RunInfo

CHORD = cv2.EVENT_FLAG_CTRLKEY | cv2.EVENT_FLAG_SHIFTKEY
LONG_PRESS_S = 3.0


class FullScreenSink(BaseSink):
    """Shows frames on the whole screen, from the main thread; ``write`` is False after Ctrl, Shift and the left mouse
    button were held for three seconds. Whoever closes the window in another way finds it open again.

    Raises SinkError when there is no display.
    """

    def __init__(self, title: str = "livecam kiosk") -> None:
        check_display()
        self._title = title
        self._pressed_at: float | None = None
        self._cursor = HiddenCursor()
        self._open()

    @staticmethod
    def matches(spec: str) -> bool:
        return spec == "fullscreen"

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> FullScreenSink:
        return FullScreenSink()

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        self.show(annotated.image)
        return self._pressed_at is None or time.monotonic() - self._pressed_at < LONG_PRESS_S

    def show(self, image: Image) -> None:
        """image: (H, W, 3) uint8 RGB."""
        if not self._visible():
            self._open()
        cv2.imshow(self._title, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        cv2.pollKey()

    @property
    def size(self) -> tuple[int, int] | None:
        """(H, W) of the screen in pixels; None until it is known."""
        _, _, width, height = cv2.getWindowImageRect(self._title)
        return (height, width) if width > 0 and height > 0 else None

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._cursor.close()
        if self._visible():
            cv2.destroyWindow(self._title)
            cv2.pollKey()  # Qt destroys when it is next asked for events

    def _open(self) -> None:
        # KEEPRATIO: a camera's picture is not stretched on a screen of another shape.
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        cv2.setMouseCallback(self._title, self._mouse)

    def _mouse(self, event: int, _x: int, _y: int, flags: int, _parameter: object) -> None:
        if event == cv2.EVENT_LBUTTONDOWN and flags & CHORD == CHORD:
            self._pressed_at = time.monotonic()
        elif event == cv2.EVENT_LBUTTONUP or (event == cv2.EVENT_MOUSEMOVE and flags & CHORD != CHORD):
            self._pressed_at = None

    def _visible(self) -> bool:
        try:
            return cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error:
            return False


class HiddenCursor:
    """No cursor on the X display while this lives: ``XFixesHideCursor``, for OpenCV's windows always have one.

    Without X, or without libXfixes, nothing is hidden. The server shows the cursor again when the process ends.
    """

    def __init__(self) -> None:
        self.hidden = False
        if not sys.platform.startswith("linux") or not os.environ.get("DISPLAY"):
            return
        try:
            self._x, fixes = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXfixes.so.3")
        except OSError:
            return
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x.XOpenDisplay(None))
        if not self._display:
            return
        numbers = ctypes.c_int(), ctypes.c_int()
        if fixes.XFixesQueryExtension(self._display, *map(ctypes.byref, numbers)):
            root = ctypes.c_ulong(self._x.XDefaultRootWindow(self._display))
            # A server wants to be told the version before anything else.
            fixes.XFixesQueryVersion(self._display, *map(ctypes.byref, (ctypes.c_int(4), ctypes.c_int(0))))
            fixes.XFixesHideCursor(self._display, root)
            self._x.XFlush(self._display)
            self.hidden = True

    def close(self) -> None:
        if self.hidden:
            self.hidden = False
            self._x.XCloseDisplay(self._display)


SINKS.add("fullscreen", FullScreenSink)
