"""The window, always in a child process: Qt ends or hangs the one that it does not like."""

from __future__ import annotations

import ast
import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import pytest

from livecam.errors import SinkError
from livecam.sinks import window

HELPERS = str(Path(__file__).parent)
START = f"""
import sys
sys.path.insert(0, {HELPERS!r})
import numpy as np
from sink_helpers import annotated
from livecam.sinks import open_sink
RED = np.zeros((120, 160, 3), np.uint8); RED[..., 0] = 255
"""
UNTIL = """
with open_sink("display") as sink:
    assert sink.write(annotated(0, image=RED)) is True
    number = 1
    while sink.write(annotated(number, image=RED)):
        if number == 50:
            print("shown", flush=True)
        number += 1
print("ended", flush=True)
sink.close()
"""


@pytest.fixture
def display(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a virtual screen of our own."""
    if not shutil.which("Xvfb"):
        pytest.skip("Xvfb is not installed")
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "800x600x24", "-nolisten", "tcp"]
    with subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL) as server:
        os.close(writer)
        with os.fdopen(reader) as told:
            number = told.readline().strip()
        environment = {key: value for key, value in os.environ.items() if not key.startswith("QT_")}
        yield environment | {"DISPLAY": f":{number}"}
        server.terminate()


@contextmanager
def child(code: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", START + code]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        try:
            yield started
        finally:
            started.kill()


def xdotool(environment: dict[str, str], *words: str) -> str:
    if not shutil.which("xdotool"):
        pytest.skip("xdotool is not installed")
    return subprocess.run(
        ["xdotool", *words], env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


def ended_well(shown: subprocess.Popen[str]) -> bool:
    out, error = shown.communicate(timeout=60)
    assert (shown.returncode, error) == (0, "")
    return out.endswith("ended\n")


@pytest.mark.parametrize("key", ["q", "Escape"])
def test_a_key_ends_it(key: str, display: dict[str, str]) -> None:
    with child(UNTIL, display) as shown:
        assert shown.stdout is not None and shown.stdout.readline() == "shown\n"
        xdotool(display, "search", "--sync", "--name", "^livecam$", "windowfocus", "--sync", "key", key)
        assert ended_well(shown)


def test_closing_the_window_ends_it(display: dict[str, str]) -> None:
    code = """
import cv2
sink = open_sink("display")
assert sink.write(annotated(0, image=RED)) is True
cv2.destroyAllWindows()
assert sink.write(annotated(1, image=RED)) is False
sink.close()
sink.close()
print("ended", flush=True)
"""
    with child(code, display) as shown:
        assert ended_well(shown)


def test_the_picture_is_seen_in_its_colours(display: dict[str, str], tmp_path: Path) -> None:
    if not shutil.which("import"):
        pytest.skip("ImageMagick is not installed")
    with child(UNTIL, display) as shown:
        assert shown.stdout is not None and shown.stdout.readline() == "shown\n"
        subprocess.run(["import", "-window", "root", str(tmp_path / "seen.png")], env=display, check=True)
        xdotool(display, "search", "--sync", "--name", "^livecam$", "windowfocus", "--sync", "key", "q")
        assert ended_well(shown)
    screen = cv2.imread(str(tmp_path / "seen.png"), cv2.IMREAD_COLOR_RGB)
    red = (screen == (255, 0, 0)).all(axis=2)
    assert red.sum() >= 120 * 160 * 0.95


def test_f_fills_the_screen_and_leaves_it(display: dict[str, str]) -> None:
    code = """
import cv2
keys = iter([-1, ord("f"), -1, ord("f"), ord("q")])
cv2.pollKey = lambda: next(keys, -1)
full = lambda: cv2.getWindowProperty("livecam", cv2.WND_PROP_FULLSCREEN)
with open_sink("display") as sink:
    states = []
    while sink.write(annotated(0, image=RED)):
        states.append(full())
assert states == [0.0, 1.0, 1.0, 0.0], states
print("ended", flush=True)
"""
    with child(code, display) as shown:
        assert ended_well(shown)


VIEWED = """
from livecam.controls import Choices, Controls
from livecam.sinks import SinkOptions
controls = Controls(choices=Choices(recording=True, classes=1000, forbidden=frozenset({"snapshot"})))
names = ("paused", "mirror", "recording", "help", "locked", "against", "spot")
told, number = None, 0
with open_sink("display", SinkOptions(controls=controls)) as sink:
    while sink.write(annotated(number, image=RED)):
        number += 1
        view = {name: getattr(controls.view, name) for name in names} | {"news": controls.news, "steps": 0}
        if controls.take("step"):
            view["steps"] = 1
        if number > 50 and view != told:
            told = view
            print(view, flush=True)
print("ended", flush=True)
"""


# What a window manager sends for a close button; there is none on this screen.
CLOSE = """
import ctypes, ctypes.util, sys
X = ctypes.CDLL(ctypes.util.find_library("X11"))
class Message(ctypes.Structure):
    _fields_ = [("type", ctypes.c_int), ("serial", ctypes.c_ulong), ("sent", ctypes.c_int),
                ("display", ctypes.c_void_p), ("window", ctypes.c_ulong), ("name", ctypes.c_ulong),
                ("format", ctypes.c_int), ("data", ctypes.c_long * 5), ("rest", ctypes.c_long * 24)]
X.XOpenDisplay.restype, X.XInternAtom.restype = ctypes.c_void_p, ctypes.c_ulong
X.XInternAtom.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int]
X.XSendEvent.argtypes = [ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_long, ctypes.c_void_p]
X.XCloseDisplay.argtypes = [ctypes.c_void_p]
screen, window = X.XOpenDisplay(None), int(sys.argv[1])
atom = lambda name: X.XInternAtom(screen, name, 0)
message = Message(type=33, window=window, name=atom(b"WM_PROTOCOLS"), format=32)  # 33: a client's message
message.data[0] = atom(b"WM_DELETE_WINDOW")
assert X.XSendEvent(screen, window, 0, 0, ctypes.byref(message))
X.XCloseDisplay(screen)
"""


class Window:
    """A window with controls in a child, and the View as it changes."""

    def __init__(self, shown: subprocess.Popen[str], display: dict[str, str]) -> None:
        self._shown, self._display = shown, display
        self.view = self.next()
        self.number = xdotool(display, "search", "--sync", "--name", "^livecam$").splitlines()[-1]
        xdotool(display, "windowfocus", "--sync", self.number)

    def next(self) -> dict[str, Any]:
        assert self._shown.stdout is not None
        self.view = ast.literal_eval(self._shown.stdout.readline())
        return self.view

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        while not wanted(self.view):
            self.next()
        return self.view

    def do(self, *words: str) -> None:
        xdotool(self._display, *words)


@contextmanager
def viewed(display: dict[str, str]) -> Iterator[Window]:
    with child(VIEWED, display) as shown:
        window = Window(shown, display)
        yield window
        window.do("key", "q")
        assert ended_well(shown)


def test_keys_act(display: dict[str, str]) -> None:
    with viewed(display) as window:
        for key, name, value in [
            ("space", "paused", True),
            ("m", "mirror", True),
            ("r", "recording", False),
            ("question", "help", True),
            ("l", "locked", 7),  # the class that is explained
            ("v", "against", "runner-up"),
            ("p", "paused", False),
        ]:
            window.do("key", key)
            window.until(lambda view, name=name, value=value: view[name] == value)
        window.do("key", "period")
        window.until(lambda view: view["steps"] == 1 and view["paused"])
        window.do("key", "s")
        window.until(lambda view: view["news"] == "snapshot: is not allowed here")


def test_the_mouse_asks_what_a_spot_votes_for(display: dict[str, str]) -> None:
    with viewed(display) as window:
        window.do("windowsize", "--sync", window.number, "480", "360")  # three times as large as the picture

        def point(x: int, y: int) -> None:
            window.do("mousemove", "--sync", "--window", window.number, str(x), str(y))

        def near(x: float, y: float) -> Callable[[dict[str, Any]], bool]:
            return lambda view: view["spot"] is not None and abs(view["spot"][0] - x) + abs(view["spot"][1] - y) < 0.05

        point(120, 90)
        window.until(near(0.25, 0.25))
        window.do("key", "m")
        window.until(lambda view: view["mirror"])
        point(96, 270)
        window.until(near(0.8, 0.75))  # of the picture itself, not of its mirror image
        window.do("key", "m")
        window.until(lambda view: not view["mirror"])
        point(240, 180)
        window.until(near(0.5, 0.5))
        window.do("click", "1")
        point(430, 330)
        window.do("key", "m")
        assert near(0.5, 0.5)(window.until(lambda view: view["mirror"]))  # it is held
        window.do("click", "3")
        window.until(lambda view: view["spot"] is None)


@pytest.mark.skipif(ctypes.util.find_library("X11") is None, reason="missing tool: libX11")
def test_the_close_button_of_the_window_ends_it(display: dict[str, str]) -> None:
    with child(VIEWED, display) as shown:
        window = Window(shown, display)
        subprocess.run([sys.executable, "-c", CLOSE, window.number], env=display, check=True)
        assert ended_well(shown)


@pytest.mark.parametrize(
    ("where", "words"), [(None, "there is no display"), (":4711", "the display :4711 does not answer")]
)
def test_no_display_is_an_error_and_not_an_abort(where: str | None, words: str, display: dict[str, str]) -> None:
    environment = {key: value for key, value in display.items() if key != "DISPLAY"}
    code = """
from livecam.errors import SinkError
try:
    open_sink("display")
except SinkError as error:
    print(error)
"""
    with child(code, environment | ({"DISPLAY": where} if where else {})) as lost:
        out, error = lost.communicate(timeout=60)
    assert (lost.returncode, error) == (0, "")
    assert words in out and "-o out.mp4" in out


def test_a_headless_opencv_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:                           NONE\n")
    with pytest.raises(SinkError, match="no windows; pip install opencv-python"):
        window.WindowSink()


def test_pyav_before_opencv_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        sys, "modules", {"av": None} | {name: module for name, module in sys.modules.items() if name != "av"}
    )
    with pytest.raises(SinkError, match="PyAV was imported before OpenCV"):
        window.WindowSink()
