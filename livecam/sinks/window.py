"""``display``: a window on the desktop."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from contextlib import suppress

import cv2

from livecam.errors import ConfigError, SinkError
from livecam.overlay.help import draw_help
from livecam.overlay.marks import draw_marks
from livecam.overlay.spot import draw_spot
from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.types import AnnotatedFrame, Image, RunInfo

TITLE = "livecam"
MOUSE = ("Mouse",)
REST_S = 8.0
PROBE_S = 20.0
REMEDY = "use -o out.mp4, or run it in a desktop session"
# Qt ends the process when it cannot open a display, so a child is sent ahead to try.
PROBE = "import cv2, os; cv2.namedWindow('livecam'); os._exit(0)"


class WindowSink(BaseSink):
    """Shows frames in a resizable window, from the main thread. Its keys and its mouse act on ``options.controls``; q,
    Esc or closing it ends, f fills the screen.

    The mouse asks what the spot under it votes for; a click holds on to the spot, another lets it go, the right button
    puts it away. A pointer at rest for REST_S asks for nothing. Of several cameras, a click enlarges one, and a second
    click of the right button shows them all again.

    What belongs to the showing and not to the picture (help, votes, pause, recording) is drawn here: a recording of the
    same frames does not have it. Raises SinkError when there is no display, OpenCV was built without windows, or PyAV
    was imported before OpenCV.
    """

    def __init__(self, options: SinkOptions | None = None) -> None:
        check_display()
        self._controls = (options or SinkOptions()).controls
        self._full = self._sized = False
        self._size = 1, 1
        self._spot: tuple[float, float] | None = None
        self._asked: tuple[float, float] | None = None
        self._held = False
        self._moved_at = 0.0
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        cv2.setMouseCallback(TITLE, self._mouse)

    @staticmethod
    def matches(spec: str) -> bool:
        return spec == "display"

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> WindowSink:
        return WindowSink(options)

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        if not visible(TITLE):
            return False
        self._controls.observe(annotated)
        image = self._drawn(annotated)
        self._size = image.shape[0], image.shape[1]
        if not self._sized:
            cv2.resizeWindow(TITLE, image.shape[1], image.shape[0])
            self._sized = True
        cv2.imshow(TITLE, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        key = cv2.pollKey()  # calls _mouse, too
        self._ask()
        return self._press(chr(key & 0xFF).lower() if key >= 0 else "") and visible(TITLE)

    def _drawn(self, annotated: AnnotatedFrame) -> Image:
        controls, view = self._controls, self._controls.view
        spot = annotated.explanation if view.spot else None
        news = controls.news
        if not (view.help or view.paused or controls.recording or news or spot):
            return annotated.image
        image = annotated.image.copy()  # recorders have the same one
        if spot:
            draw_spot(image, spot, mirror=view.mirror)
        draw_marks(image, paused=view.paused, recording=controls.recording, news=news)
        if view.help:
            draw_help(image, [(action.caps or MOUSE, action.words) for action in controls.offered()])
        return image

    def _press(self, key: str) -> bool:
        """False when it was the key that ends."""
        try:
            action = self._controls.press(key)
        except ConfigError as error:
            self._controls.tell(str(error))
            return True
        if action and action.name == "fullscreen":
            self._full = not self._full
            state = cv2.WINDOW_FULLSCREEN if self._full else cv2.WINDOW_NORMAL
            cv2.setWindowProperty(TITLE, cv2.WND_PROP_FULLSCREEN, state)
        return action is None or action.name != "quit"

    def _mouse(self, event: int, x: int, y: int, flags: int, parameter: object) -> None:
        """x, y: in pixels of the picture, whatever the size of the window."""
        height, width = self._size
        across = min(max((x + 0.5) / width, 0.0), 1.0)
        spot = (1 - across if self._controls.view.mirror else across), min(max((y + 0.5) / height, 0.0), 1.0)
        if event == cv2.EVENT_RBUTTONDOWN:
            if self._controls.wall and self._spot is None:
                self._enlarge("off")
            self._spot, self._held = None, False
        elif event == cv2.EVENT_LBUTTONDOWN and self._controls.wall and self._controls.view.enlarged is None:
            self._enlarge([across, spot[1]])
        elif event == cv2.EVENT_LBUTTONDOWN:
            self._spot, self._held, self._moved_at = spot, not self._held, time.monotonic()
        elif event == cv2.EVENT_MOUSEMOVE and not self._held:
            self._spot, self._moved_at = spot, time.monotonic()

    def _enlarge(self, value: object) -> None:
        with suppress(ConfigError):  # this run does not allow it
            self._controls.act("enlarge", value)

    def _ask(self) -> None:
        if not self._held and time.monotonic() - self._moved_at > REST_S:
            self._spot = None  # nobody says that the pointer has left
        if self._spot != self._asked:
            self._asked = self._spot
            with suppress(ConfigError):  # this run does not allow it
                self._controls.act("spot", self._spot)

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        try:
            cv2.destroyWindow(TITLE)
            cv2.pollKey()  # Qt destroys when it is next asked for events
        except cv2.error:
            return  # the viewer has closed it


def visible(title: str) -> bool:
    """Is there a window of that title?"""
    try:
        return cv2.getWindowProperty(title, cv2.WND_PROP_VISIBLE) >= 1
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
