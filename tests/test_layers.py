"""A file imports only from layers below; siblings do not import each other."""

import ast
from pathlib import Path

import pytest

import livecam

ROOT = Path(livecam.__file__).parent
LAYERS = [
    {"errors"},
    {"_av", "_openvino", "addresses", "cache", "clock", "health", "idle", "masking", "registry", "restarts", "signals"},
    {"heartbeat", "media", "planes", "remote"},
    {"geometry"},
    {"heat", "upsampling"},
    {"detail", "types"},
    {"channel", "config", "controls", "governor", "overlay", "records", "smoothing", "stats", "tap", "threads"},
    {"tasks", "web"},
    {"methods", "models", "sinks", "sources"},
    {"backends", "hiding"},
    {"explainer", "export"},
    {"pipeline", "training"},
    {"assembly", "jobs", "parts"},
    {"annotating"},
    {"bench", "report"},
    {"evaluation"},
    {"cli"},
    {"__main__"},
]
LEVEL = {name: number for number, names in enumerate(LAYERS) for name in names}
FILES = [path for path in sorted(ROOT.rglob("*.py")) if path.parent != ROOT or path.stem != "__init__"]


def part(path):
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: say where it comes from"
            names = [node.module] if node.module != "livecam" else [f"livecam.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("livecam."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path):
    own = part(path)
    for other in imports(path):
        assert other == own or LEVEL[other] < LEVEL[own], f"{own} (layer {LEVEL[own]}) imports {other}"


def test_every_part_has_a_layer():
    assert {part(path) for path in FILES} == set(LEVEL)


def test_the_surface_is_sorted_and_real():
    assert livecam.__all__ == sorted(livecam.__all__)
    assert set(livecam.__all__) == set(livecam._HOME)
    for name in livecam.__all__:
        assert getattr(livecam, name) is not None
    with pytest.raises(AttributeError):
        livecam.nonsense  # noqa: B018
