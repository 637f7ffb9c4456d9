"""``livecam export`` as a user calls it."""

import json
import sys

import pytest
from small_networks import attention, linear, model

from livecam import cli, models
from livecam.export.clip import COUNT, pictures


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Runs the command on a small network; gives (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    loaded = [model(linear())]
    monkeypatch.setattr(models, "load_model", lambda name, **given: loaded[0])

    def command(*args, module=None):
        if module is not None:
            loaded[0] = model(module)
        monkeypatch.setattr(sys, "argv", ["livecam", "export", *map(str, args)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        return caught.value.code, *capsys.readouterr()

    return command


CLIP = "test://?size=160x120&fps=30&frames=9"


def test_a_file_and_its_figures(run, tmp_path):
    code, out, err = run("-o", "out/small.onnx", "--size", "96x64", "--calibrate", CLIP, "--json")
    assert code == 0
    report = json.loads(out)
    assert report["input"]["shape"] == ["batch", 3, 64, 96]
    assert report["parity"]["frames"] == 9
    assert "ONNX, opset 18" in err
    assert "top-1 agreement 100.0%" in err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["small.onnx"]
    code, _, err = run("-o", "out/small.onnx", "--input-size", "64", "--calibrate", CLIP)
    assert code == 5
    assert "exists" in err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["-o", "small.pt"], 2, "not .pt"),
        ([], 2, "--output"),
        (["-o", "/proc/none/small.onnx"], 5, "cannot be written"),
        (["-o", "small.onnx", "--precision", "float8"], 2, "float8"),
        (["-o", "small.onnx", "--calibrate", "nothing.mp4"], 3, "nothing.mp4"),
        (["-o", "small.onnx", "--size", "96"], 2, "--size"),
    ],
)
def test_what_cannot_be_done(run, tmp_path, args, code, words):
    got, _, err = run(*args)
    assert got == code
    assert words in err
    assert not list(tmp_path.iterdir())


def test_a_head_that_is_refused(run, tmp_path):
    code, _, err = run("-o", "small.xml", "--calibrate", CLIP, module=attention())
    assert code == 6
    assert "cannot be exported with its explanation" in err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("frames", [1, COUNT, 2 * COUNT - 1, 2 * COUNT, 5 * COUNT])
def test_pictures_are_spread_over_the_clip(frames):
    taken = pictures(f"test://?size=64x48&fps=30&frames={frames}", (32, 32))
    assert taken.shape[1:] == (32, 32, 3)
    assert min(frames, COUNT) <= len(taken) < 2 * COUNT
