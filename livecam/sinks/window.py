"""``display``: a window on the desktop."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import cv2

from livecam.errors import SinkError
from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.types import AnnotatedFrame, RunInfo

TITLE = "livecam"
ESCAPE = "\x1b"
PROBE_S = 20.0
REMEDY = "use -o out.mp4, or run it in a desktop session"
# Qt ends the process when it cannot open a display, so a child is sent ahead to try.
PROBE = "import cv2, os; cv2.namedWindow('livecam'); os._exit(0)"


class WindowSink(BaseSink):
    """Shows frames in a resizable window, from the main thread. q, Esc or closing it ends, f fills the screen.

    Raises SinkError when there is no display, OpenCV was built without windows, or PyAV was imported before OpenCV.
    """

    def __init__(self) -> None:
        check_display()
        self._full = False
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._sized = False

    @staticmethod
    def matches(spec: str) -> bool:
        return spec == "display"

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> WindowSink:
        return WindowSink()

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        if not _visible():
            return False
        if not self._sized:
            cv2.resizeWindow(TITLE, annotated.image.shape[1], annotated.image.shape[0])
            self._sized = True
        cv2.imshow(TITLE, cv2.cvtColor(annotated.image, cv2.COLOR_RGB2BGR))
        key = chr(cv2.pollKey() & 0xFF).lower()
        if key in ("q", ESCAPE):
            return False
        if key == "f":
            self._full = not self._full
            state = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, state)
        return _visible()

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        try:
            cv2.destroyWindow(TITLE)
            cv2.pollKey()  # Qt destroys when it is next asked for events
        except cv2.error:
            return  # the viewer has closed it


def _visible() -> bool:
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:
        return False


def check_display() -> None:
    """Make sure that a window can be opened, for Qt would end or hang the process. Raises SinkError."""
    found = re.search(r"GUI:\s*(\S+)", cv2.getBuildInformation())
    if found is None or found[1].upper() == "NONE":
        raise SinkError(
            f"display: this OpenCV has no windows; pip install opencv-python in place of the headless one, or {REMEDY}"
        )
    modules = list(sys.modules)
    if "av" in modules and modules.index("av") < modules.index("cv2"):
        raise SinkError("display: PyAV was imported before OpenCV, and windows would hang; import livecam or cv2 first")
    if not sys.platform.startswith("linux"):
        return
    if not os.environ.get("DISPLAY"):
        raise SinkError(f"display: there is no display (DISPLAY is not set); {REMEDY}")
    os.environ.setdefault("QT_QPA_PLATFORM", "xcb")  # the only one in OpenCV's wheel; under Wayland through XWayland
    os.environ.setdefault("QT_LOGGING_RULES", "*.debug=false;*.info=false;*.warning=false")
    if not _answers():
        raise SinkError(f"display: the display {os.environ['DISPLAY']} does not answer; {REMEDY}")


def _answers() -> bool:
    try:
        ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=PROBE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return ended.returncode == 0


SINKS.add("display", WindowSink)
