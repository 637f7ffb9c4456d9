"""The figures are those of an independent script of the same definitions, on real pictures."""

import importlib.util
import json
import sys

import pytest

from livecam import cli

pytestmark = [
    pytest.mark.data,
    # The script leaves its list open.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def quality(data):
    path = data.parent / "tools" / "quality.py"
    if not path.is_file():
        pytest.skip(f"no {path}")
    spec = importlib.util.spec_from_file_location("quality", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["livecam", "evaluate", *map(str, words), "--measures", "localisation", "--json"])
    with pytest.raises(SystemExit):
        cli.main()
    return json.loads(capsys.readouterr().out)["sections"][0]["subjects"]


def test_davis(data, quality, tmp_path, monkeypatch, capsys):
    for kind, suffix in (("frames", "jpg"), ("masks", "png")):
        for video in ("dog", "cows"):
            (tmp_path / kind / video).mkdir(parents=True)
            for file in sorted((data / "davis" / kind / video).glob(f"*.{suffix}"))[:4]:
                (tmp_path / kind / video / file.name).symlink_to(file)
    wanted = quality.davis(str(tmp_path), ["dog", "cows"], "live")
    capsys.readouterr()
    words = [tmp_path, "-o", tmp_path / "out", "--every", 3, "--details", "live"]
    cells = report(monkeypatch, capsys, *words)["efficientnet_lite0 gradcam live"]
    assert [cells[name]["value"] for name in ("pointing", "best_iou", "iou")] == pytest.approx(wanted, abs=2e-4)


def test_ilsvrc(data, quality, tmp_path, monkeypatch, capsys):
    entries = json.loads((data / "ilsvrc" / "val650.json").read_text())[:24]
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps(entries))
    (tmp_path / "images").symlink_to(data / "ilsvrc" / "images")
    wanted = quality.ilsvrc(str(listed), "live")
    words = [listed, "-o", tmp_path / "out", "--box-below", 0.5, "--input", "squash", "--details", "live"]
    cells = report(monkeypatch, capsys, *words)["efficientnet_lite0 gradcam live"]
    told = [cells[name]["value"] for name in ("max_box_acc", "max_box_acc_v2", "pointing")]
    assert told == pytest.approx(wanted, abs=1e-6)
