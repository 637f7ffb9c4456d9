"""``fullscreen``: a window for strangers. It fills the screen, hides the cursor and knows no keys."""

from __future__ import annotations

import ctypes
import os
import sys
import time

import cv2
import numpy as np

from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.sinks.window import check_display, visible
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
        self._screen = Screen()
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
        if not visible(self._title):
            self._open()
        cv2.imshow(self._title, cv2.cvtColor(self._framed(image), cv2.COLOR_RGB2BGR))
        cv2.pollKey()

    def _framed(self, image: Image) -> Image:
        """In the shape of the screen, between black bars: Qt's own are light grey."""
        height, width = image.shape[:2]
        wide, high = self.size or (width, height)
        across = max(round(height * wide / high) - width, 0)
        down = max(round(width * high / wide) - height, 0)
        edges = down // 2, down - down // 2, across // 2, across - across // 2
        return np.asarray(cv2.copyMakeBorder(image, *edges, cv2.BORDER_CONSTANT), np.uint8)

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) of the window in pixels; None until it is known."""
        _, _, width, height = cv2.getWindowImageRect(self._title)
        return (width, height) if width > 0 and height > 0 else None

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        self._screen.close()
        if visible(self._title):
            cv2.destroyWindow(self._title)
            cv2.pollKey()  # Qt destroys when it is next asked for events

    def _open(self) -> None:
        cv2.namedWindow(self._title, cv2.WINDOW_NORMAL | cv2.WINDOW_FREERATIO | cv2.WINDOW_GUI_NORMAL)
        if self._screen.size is not None:  # without a window manager nobody else does it
            cv2.moveWindow(self._title, 0, 0)
            cv2.resizeWindow(self._title, *self._screen.size)
        cv2.setWindowProperty(self._title, cv2.WND_PROP_FULLSCREEN, cv2.WINDOW_FULLSCREEN)
        cv2.setMouseCallback(self._title, self._mouse)

    def _mouse(self, event: int, _x: int, _y: int, flags: int, _parameter: object) -> None:
        if event == cv2.EVENT_LBUTTONDOWN and flags & CHORD == CHORD:
            self._pressed_at = time.monotonic()
        elif event == cv2.EVENT_LBUTTONUP or (event == cv2.EVENT_MOUSEMOVE and flags & CHORD != CHORD):
            self._pressed_at = None


class Screen:
    """The X display: its size, and no cursor on it while this lives (``XFixesHideCursor``; OpenCV's windows have one).

    Without X, or without libXfixes, nothing is known or hidden. The server shows the cursor again when the process
    ends. ``size``: (width, height) in pixels.
    """

    def __init__(self) -> None:
        self.hidden, self.size = False, None
        self._display: ctypes.c_void_p | None = None
        if not sys.platform.startswith("linux") or not os.environ.get("DISPLAY"):
            return
        try:
            self._x, fixes = ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXfixes.so.3")
        except OSError:
            return
        self._x.XOpenDisplay.restype = ctypes.c_void_p
        self._x.XDefaultRootWindow.restype = ctypes.c_ulong
        display = ctypes.c_void_p(self._x.XOpenDisplay(None))
        if not display:
            return
        self._display = display
        number = self._x.XDefaultScreen(display)
        self.size = self._x.XDisplayWidth(display, number), self._x.XDisplayHeight(display, number)
        if fixes.XFixesQueryExtension(display, *map(ctypes.byref, (ctypes.c_int(), ctypes.c_int()))):
            # A server wants to be told the version before anything else.
            fixes.XFixesQueryVersion(display, *map(ctypes.byref, (ctypes.c_int(4), ctypes.c_int(0))))
            fixes.XFixesHideCursor(display, ctypes.c_ulong(self._x.XDefaultRootWindow(display)))
            self._x.XFlush(display)
            self.hidden = True

    size: tuple[int, int] | None

    def close(self) -> None:
        if self._display is not None:
            self._x.XCloseDisplay(self._display)
            self._display = None


SINKS.add("fullscreen", FullScreenSink)
