"""README and docs/ tell what is true: their examples run, and what they name exists."""

import contextlib
import importlib
import io
import re
import runpy
import shutil
from pathlib import Path

import pytest

from livecam.backends import MODULES
from livecam.cli import livecam as group
from livecam.controls import ACTIONS
from livecam.methods import methods
from livecam.registry import load_all
from livecam.sinks import SINKS
from livecam.sources import SOURCES

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A block of Python, and what it prints in a block of text right behind it.
BLOCK = re.compile(r"^```python\n(.*?)^```$(?:\n+^```text\n(.*?)^```$)?", re.S | re.M)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.S | re.M)
VERBS = {name: group.get_command(None, name) for name in group.list_commands(None)}
FLAGS = {
    name: {flag for one in verb.params for flag in (*one.opts, *one.secondary_opts)} | {"--help"}
    for name, verb in VERBS.items()
}
pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder of its own, with the sample clip where a clone has it; what examples register is forgotten."""
    (tmp_path / "recordings").mkdir()
    shutil.copy(ROOT / "recordings" / "sample.mp4", tmp_path / "recordings")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUTORIAL_SOURCE", "no camera here")
    load_all("livecam.sources")
    load_all("livecam.sinks")
    for registry in (SOURCES, SINKS, methods()):
        monkeypatch.setattr(registry, "_things", dict(registry._things))
    return tmp_path


@pages
def test_examples_run_and_print_what_the_page_says(page, clone):
    text, names = page.read_text(encoding="utf-8"), {"__name__": page.stem}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start(1))
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("\n" * line + block[1], str(page), "exec"), names)
        if block[2] is not None:
            assert printed.getvalue() == block[2], f"{page.name}:{line}"


@pytest.mark.parametrize("page", PAGES[2:], ids=lambda page: page.name)
def test_every_page_has_an_example(page):
    assert BLOCK.search(page.read_text(encoding="utf-8"))


def test_the_tutorial_goes_from_pictures_to_a_report(clone, capsys):
    runpy.run_path(str(ROOT / "docs" / "tutorial.py"))
    told = capsys.readouterr().out
    made = clone / "recordings" / "tutorial"
    assert "tripod" in told and "espresso" in told
    pictures = ["1_picture.png", "2_heat.png", "3_painted.png", "4_contrast.png", "5_methods.png"]
    assert sorted(path.name for path in made.glob("*.png")) == pictures
    assert (made / "tutorial.mp4").stat().st_size > 10_000
    assert "espresso" in (made / "tutorial.html").read_text(encoding="utf-8")


@pages
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if not target.startswith(("http://", "https://")):
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    files = {path.name for path in (ROOT / "docs").iterdir() if path.is_file()} - {"README.md"}
    assert files == set(re.findall(r"\]\((\w+\.(?:md|py))\)", index))


def spans(page):
    """What stands in code, as one line each: of fences the lines, joined where one ends in a backslash."""
    text = page.read_text(encoding="utf-8")
    for kind, body in FENCE.findall(text):
        if kind != "python":
            yield from body.replace("\\\n", " ").splitlines()
    for span in re.findall(r"`([^`]+)`", FENCE.sub("", text)):
        yield " ".join(span.split())


@pages
def test_flags_exist(page):
    for span in spans(page):
        command = span.partition("#")[0]
        asked = re.findall(r"(?<![\w-])--[a-z][a-z-]*", command)
        verb = re.search(r"\blivecam ([a-z]+)", command)
        script = re.search(r"\bscripts/\w+(?:\.py)?", command)
        if verb and verb[1] in VERBS:
            wrong = [flag for flag in asked if flag not in FLAGS[verb[1]]]
        elif script and asked:
            wrong = [flag for flag in asked if flag not in (ROOT / script[0]).read_text(encoding="utf-8")]
        else:
            wrong = [flag for flag in asked if not any(flag in flags for flags in FLAGS.values())]
        assert not wrong, f"{page.name}: {span}"
        assert not verb or verb[1] in VERBS, f"{page.name}: {span}"


@pages
def test_values_of_flags_exist(page):
    known = {"--method": set(methods()), "--backend": {"auto", *MODULES}, "--backends": set(MODULES)}
    for span in spans(page):
        for flag, value in re.findall(r"(--[a-z]+) ([a-z0-9_,]+)", span):
            if flag in known:
                assert set(value.split(",")) <= known[flag], f"{page.name}: {span}"


@pages
def test_dotted_names_exist(page):
    for span in spans(page):
        for name in re.findall(r"(?<![\w/.-])livecam(?:\.\w+)+", span):
            if name.rpartition(".")[2] in ("toml", "service", "rules"):
                continue
            assert resolves(name), f"{page.name}: {name}"


def resolves(name):
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        try:
            for part in parts[end:]:
                found = getattr(found, part)
        except AttributeError:
            return False
        return True
    return False


def test_numbers_in_words_are_those_of_the_code():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"one of (\d+) \(`--method", readme) == [str(len(methods()))]


def test_every_key_is_in_the_table():
    page = (ROOT / "docs" / "controls.md").read_text(encoding="utf-8")
    rows = re.findall(r"([^|\n]+) \| ([^|\n]+?) (?=\|)", page)
    told = {words.strip(): caps.strip() for caps, words in rows}
    for action in map(ACTIONS.get, ACTIONS):
        assert action.words in told, action.name
        assert all(cap in told[action.words] for cap in action.caps), action.name
