"""The page in a browser, and the verb."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from test_report import END, frame, sidecar

sys.path.insert(0, str(Path(__file__).parents[1] / "web"))

from web_browser import CHROMIUM, Browser

from livecam import cli


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, str]]:
    if CHROMIUM is None:
        pytest.skip("missing tool: chromium")
    folder = tmp_path_factory.mktemp("page")
    names = ["a cat with a very long name that does not fit into a column at all"] * 60 + ["dog"] * 60
    lines = [frame(number, name, 0.2 if number == 30 else 0.9) for number, name in enumerate(names)]
    path = sidecar(folder / "a.jsonl", *lines, END)
    (folder / "b").mkdir()
    other = sidecar(folder / "b" / "b.jsonl", *lines[10:], END)
    assert main("report", path, "--with", other, "-o", folder / "a.html") == 0
    with Browser(folder) as browser:
        yield browser, (folder / "a.html").as_uri()


def main(*args: Any) -> Any:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["livecam", *map(str, args)])
        cli.main()
    return ended.value.code


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [390, 1280])
def test_it_stands_on_any_screen(page: tuple[Browser, str], width: int, dark: bool) -> None:
    browser, address = page
    browser.open(address, (width, 800), dark=dark)
    browser.until("document.readyState === 'complete' && document.images.length > 4")
    assert browser.problems == []  # among them whatever the page's own policy refuses
    assert browser.run("document.documentElement.scrollWidth") <= width
    assert browser.run("[...document.images].every(image => image.complete && image.naturalWidth > 0)")
    assert browser.run("document.querySelectorAll('main svg path.mean').length") == 2
    ground = browser.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, ground[4:-1].split(","))) < 128) is dark
    # A mark of the timeline leads to its card.
    assert browser.run("[...document.querySelectorAll('.marks a')].every(a => document.querySelector(a.hash))")


def test_it_prints(page: tuple[Browser, str]) -> None:
    browser, address = page
    browser.open(address, (1280, 800), dark=True)
    browser.until("document.readyState === 'complete'")
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.run("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    pdf = base64.b64decode(browser.call("Page.printToPDF", printBackground=True)["data"])
    assert pdf.startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="")


def test_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = sidecar(tmp_path / "a.mp4.jsonl", frame(0), END)
    assert main("report", path) == 0
    assert (tmp_path / "a.mp4.report.html").read_text("utf-8").startswith("<!doctype html>")
    assert main("report", path) == 5
    assert "--force" in capsys.readouterr().err
    assert main("report", path, "--force") == 0
    assert main("report", tmp_path) == 0
    assert (tmp_path / "report.html").exists()
    path.write_text("{", "utf-8")
    capsys.readouterr()
    assert main("report", path, "--force") == 3
    error = capsys.readouterr().err
    assert "not a sidecar" in error
    assert len(error.splitlines()) == 1
