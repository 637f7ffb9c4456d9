"""The page in a real browser, and its colours."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from sink_helpers import explanation, run
from web_browser import CHROMIUM, Browser
from web_helpers import now

from livecam.controls import Controls
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.web import WebSink
from livecam.sources import open_source
from livecam.sources.synthetic import read_frame_number
from livecam.types import AnnotatedFrame, Faithfulness

STATIC = files("livecam.web") / "static"
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="missing tool: Chromium")
TEXT, PART = 4.5, 3.0  # WCAG 2.2, 1.4.3 and 1.4.11
PAIRS = [
    *((text, ground, TEXT) for ground in ("paper", "card") for text in ("ink", "soft", "accent", "alert")),
    *((part, ground, PART) for ground in ("paper", "card") for part in ("line", "accent")),
    ("on-accent", "accent", TEXT),
    ("ink", "track", TEXT),
    ("accent", "track", PART),
]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground", "least"), PAIRS)
def test_contrast(scheme: str, text: str, ground: str, least: float) -> None:
    roots = re.findall(r":root \{(.*?)\}", (STATIC / "colours.css").read_text(), re.DOTALL)
    assert len(roots) == 2
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", roots[scheme == "dark"]))
    light, dark = sorted((luminance(colours[text]), luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def test_every_text_is_in_every_language() -> None:
    english, chinese = re.split(r'"zh-Hans": \{', (STATIC / "words.js").read_text())
    keys = [set(re.findall(r"\b(\w+): \"", part)) for part in (english, chinese)]
    assert keys[0] == keys[1]
    used = re.findall(r'data-(?:word|label)="(\w+)"', (STATIC / "index.html").read_text())
    assert set(used) <= keys[0]


@pytest.fixture
def shown() -> Iterator[tuple[WebSink, Controls]]:
    """A page that shows ``test://``, its frame number in the pixels."""
    controls, stop = Controls(), threading.Event()
    with open_sink("http://127.0.0.1:0", SinkOptions(controls=controls), run()) as sink:
        assert isinstance(sink, WebSink)

        def show() -> None:
            with open_source("test://?size=640x480&fps=30") as source:
                while not stop.wait(1 / 30):
                    frame = source.read()
                    assert frame is not None
                    sink.write(now(frame.index, image=frame.image))

        thread = threading.Thread(target=show)
        thread.start()
        yield sink, controls
        stop.set()
        thread.join()


def canvas_number(browser: Browser) -> int:
    url = browser.run("document.getElementById('picture').toDataURL('image/png')")
    data = np.frombuffer(base64.b64decode(url.split(",")[1]), np.uint8)
    return read_frame_number(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8))


@needs_chromium
def test_the_page_moves_says_and_obeys(shown: tuple[WebSink, Controls], tmp_path: Path) -> None:
    sink, controls = shown
    with Browser(tmp_path) as browser:
        browser.open(sink._server.url, (1280, 800))
        browser.until("document.getElementById('status').dataset.state === 'live'")
        first = canvas_number(browser)
        browser.until("parseFloat(document.getElementById('figures').textContent) > 0")
        browser.until("document.getElementById('figures').textContent.includes('ms')")
        browser.run("window.before = document.getElementById('picture').toDataURL('image/png')")
        browser.until("document.getElementById('picture').toDataURL('image/png') !== window.before")
        assert canvas_number(browser) > first
        assert browser.run("document.getElementById('label').textContent") == "Dösenöffner"
        rows = browser.run(
            "[...document.querySelectorAll('#bars li:not([hidden])')]"
            ".map(r => [...r.querySelectorAll('span')].map(s => s.textContent))"
        )
        assert rows[0][:2] == ["Dösenöffner", "75%"]
        assert rows[1][:2] == ["dog", "13%"]
        browser.run("document.querySelector('[data-act=mirror]').click()")
        browser.until("document.querySelector('[data-act=mirror]').getAttribute('aria-pressed') === 'true'")
        assert controls.view.mirror
        for kind in ("keyDown", "keyUp"):
            browser.call("Input.dispatchKeyEvent", type=kind, key="p", text="p" if kind == "keyDown" else "")
        browser.until("document.querySelector('[data-act=pause]').getAttribute('aria-pressed') === 'true'")
        assert controls.view.paused
        box = browser.run(
            "(b => [b.left, b.top, b.width, b.height])(document.getElementById('picture').getBoundingClientRect())"
        )
        browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] * 0.25, y=box[1] + box[3] * 0.5)
        browser.until("!document.getElementById('spot').hidden")
        browser.run("document.getElementById('language').click()")
        assert browser.run("document.querySelector('[data-act=pause]').textContent") == "暂停"
        assert controls.view.spot == pytest.approx((0.75, 0.5), abs=0.01)  # of the picture, not of its mirror image
        assert browser.problems == []


@needs_chromium
def test_it_says_whether_the_map_tells_the_truth(tmp_path: Path) -> None:
    checked = replace(explanation(0), faithfulness=Faithfulness(0, 7, 0.87, 0.002, 0.85, 0.25))
    with open_sink("http://127.0.0.1:0") as sink, Browser(tmp_path) as browser:
        assert isinstance(sink, WebSink)
        browser.open(sink._server.url, (1280, 800))
        browser.until("document.getElementById('status').dataset.state === 'connecting'")
        assert browser.run("document.getElementById('check').hidden")
        for number, said, values in ((0, checked, ["87% → <1%", "87% → 85%"]), (1, explanation(1), ["–", "–"])):
            one = now(number)
            sink.write(AnnotatedFrame(one.frame, one.image, said, 0))
            browser.until(f"document.getElementById('hot-hidden').textContent === '{values[0]}'")
            told = browser.run("[...document.querySelectorAll('#check dd')].map(one => one.textContent)")
            assert (told, browser.run("document.getElementById('check').hidden")) == (values, False)
        assert browser.problems == []


@needs_chromium
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("size", [(390, 844), (1280, 800), (3840, 2160)])
def test_it_fits(shown: tuple[WebSink, Controls], size: tuple[int, int], dark: bool, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(shown[0]._server.url, size, dark=dark, touch=size[0] < 500)
        browser.until("document.getElementById('status').dataset.state === 'live'")
        width, inner, picture = browser.run(
            "[document.documentElement.scrollWidth, innerWidth, document.getElementById('picture').clientWidth]"
        )
        assert width <= inner == size[0]
        assert picture >= 0.55 * size[0]
        small = browser.run(
            "[...document.querySelectorAll('button:not([hidden])')].filter(b => b.offsetParent && "
            "(b.offsetHeight < 24 || b.offsetWidth < 24)).map(b => b.textContent)"  # WCAG 2.2, 2.5.8
        )
        assert small == []
        browser.screenshot(tmp_path / "page.png")
        image = cv2.imread(str(tmp_path / "page.png"))
        ground = luminance("#" + bytes(image[-2, 1, ::-1]).hex())
        assert (ground < 0.1) == dark


@needs_chromium
def test_a_browser_lends_its_camera(tmp_path: Path) -> None:
    clip = tmp_path / "camera.mjpeg"
    with open_source("test://?size=640x480&frames=1") as source, clip.open("wb") as out:
        frame = source.read()
        assert frame is not None
        done, data = cv2.imencode(".jpg", cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
        assert done
        out.write(data.tobytes() * 3)
    fake = [
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    ]
    with open_sink("http://127.0.0.1:0") as sink, Browser(tmp_path, *fake) as browser:
        address = f"http://{sink._server.address.netloc}"
        with open_source(f"browser:{address}") as source:
            browser.open(address, (1280, 800))
            browser.until("Boolean(document.getElementById('camera').offsetParent)")
            browser.run("document.getElementById('camera').click()")
            for _ in range(10):
                got = source.read()
                assert got is not None
                sink.write(AnnotatedFrame(got, got.image, explanation(got.index), 0))
            assert np.abs(got.image.astype(int) - frame.image).mean() < 12
            browser.until("document.getElementById('status').dataset.state === 'live'")
