"""The window for strangers, on a virtual screen of 800×600."""

from __future__ import annotations

from pathlib import Path

from test_sink_window import child, display, ended_well, xdotool  # noqa: F401  display is a fixture

UNTIL = """
from livecam.sinks import fullscreen
fullscreen.LONG_PRESS_S = 0.5
with open_sink("fullscreen") as sink:
    assert sink._screen.hidden
    number = 1
    while sink.write(annotated(number, image=RED)):
        if number == 50:
            print("shown", sink.size, flush=True)
        number += 1
print("ended", flush=True)
sink.close()
"""


def test_keys_and_clicks_do_nothing_and_a_long_chord_ends_it(display: dict[str, str], tmp_path: Path) -> None:  # noqa: F811
    with child(UNTIL, display) as shown:
        assert shown.stdout is not None
        assert shown.stdout.readline() == "shown (800, 600)\n"
        xdotool(display, "search", "--sync", "--name", "^livecam kiosk$", "windowfocus", "--sync", "key", "q", "Escape")
        xdotool(display, "mousemove", "400", "300", "click", "1", "mousedown", "1", "sleep", "1", "mouseup", "1")
        assert shown.poll() is None
        xdotool(display, "keydown", "ctrl", "keydown", "shift", "mousedown", "1")
        assert ended_well(shown)
