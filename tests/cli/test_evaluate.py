"""``livecam evaluate`` from end to end, on small data sets: figures, order, refusals, and a run that is killed."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam import cli
from livecam.evaluation import localisation as local
from livecam.evaluation.report import make_report, markdown
from livecam.explainer import Explainer

sys.path.append(str(Path(__file__).parents[1] / "evaluation"))
from evaluation_sets import SIZE, of_videos, picture, with_boxes, with_masks

SMALL = ["--input-size", "64", "--backend", "torch"]  # not compiled for a few pictures


def run(capsys, *words):
    """Exit code, report on stdout, and what is said on stderr."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as ended:
        patch.setattr(sys, "argv", ["livecam", "evaluate", *map(str, words)])
        cli.main()
    out, err = capsys.readouterr()
    return ended.value.code, (json.loads(out) if out else None), err


def section(report, name):
    return next(one for one in report["sections"] if one["measure"] == name)


def test_masks_figures_are_those_of_the_measures(tmp_path, capsys):
    folder, out = with_masks(tmp_path / "set"), tmp_path / "out"
    code, report, err = run(
        capsys, folder, "-o", out, "--details", "plain,live", "--measures", "localisation", *SMALL, "--json"
    )
    assert code == 0
    assert json.loads((out / "evaluation.json").read_text()) == report
    found = section(report, "localisation")
    assert list(found["subjects"]) == [
        f"efficientnet_lite0 {name}" for name in ("gradcam plain", "gradcam live", "centre Gaussian", "random")
    ]
    with Explainer(detail="live", input_size=64, backend="torch") as explainer:
        wanted = []
        for number in range(3):
            image, mask = picture(number)
            image = np.ascontiguousarray(image[..., ::-1])
            heat = explainer.explain(image).heatmap(SIZE, guide=image)
            wanted.append([local.pointing(heat, mask > 0), local.ious(heat, mask > 0).max(), local.iou(heat, mask > 0)])
    cells = found["subjects"]["efficientnet_lite0 gradcam live"]
    told = [cells[name]["value"] for name in ("pointing", "best_iou", "iou")]
    assert told == pytest.approx(np.mean(wanted, 0), abs=1e-5)
    assert "difference" in cells["iou"]
    assert "difference" not in found["subjects"]["efficientnet_lite0 gradcam plain"]["iou"]
    assert "max_box_acc" not in found["figures"]
    text = (out / "evaluation.md").read_text()
    assert text == markdown(report)
    assert "| gradcam live |" in text
    assert "centre Gaussian" in err


def test_boxes_every_measure_and_plots(tmp_path, capsys):
    listed, out = with_boxes(tmp_path, 2), tmp_path / "out"
    measures = "localisation,faithfulness,road,conciseness,stability"
    words = [listed, "-o", out, "--details", "plain", "--measures", measures, *SMALL, "--plots", "--json"]
    code, report, _ = run(capsys, *words)
    assert code == 0
    for name in measures.split(","):
        for cells in section(report, name)["subjects"].values():
            assert set(cells) == set(section(report, name)["figures"])
    random_map = section(report, "faithfulness")["subjects"]["efficientnet_lite0 random"]
    assert 0 <= random_map["deletion"]["value"] <= 1
    assert section(report, "stability")["subjects"]["efficientnet_lite0 centre Gaussian"]["stability"][
        "value"
    ] == pytest.approx(1)
    drawn = {path.name for path in out.glob("*.png")}
    assert drawn == {f"{name}.png" for name in measures.split(",")} | {
        "localisation-boxes.png",
        "faithfulness-deletion.png",
        "faithfulness-insertion.png",
    }
    for path in out.glob("*.png"):
        assert cv2.imread(str(path)).std() > 5, f"{path.name} is empty"

    # Nothing is measured again, and another setting is refused.
    before = (out / "records.jsonl").read_bytes()
    assert run(capsys, *words)[1] == report
    assert (out / "records.jsonl").read_bytes() == before
    code, _, err = run(capsys, *words, "--precision", "float32")
    assert code == 2
    assert 'was begun with precision "auto", not "float32"' in err
    assert (out / "records.jsonl").read_bytes() == before


def test_videos_raw_and_shown(tmp_path, capsys):
    folder = of_videos(tmp_path / "set")
    code, report, _ = run(
        capsys,
        *(folder, "-o", tmp_path / "out", "--details", "plain", "--every", 2, *SMALL, "--json"),
        *("--measures", "localisation,temporal"),
    )
    assert code == 0
    assert section(report, "localisation")["units"] == 2  # videos
    cells = section(report, "temporal")["subjects"]
    ours, centre, chance = cells.values()
    assert set(ours["flicker"]["videos"]) == {"a", "b"}
    assert ours["shown_flicker"]["value"] < ours["flicker"]["value"]
    assert centre["flicker"]["value"] < chance["flicker"]["value"]
    assert "lag" not in centre  # it does not move
    assert "shown_flicker" not in centre
    lines = (tmp_path / "out" / "records.jsonl").read_text().splitlines()
    assert len(lines) == 1 + 3 * (2 * 3 + 2)


KILLED = """
import os, signal, sys
from livecam.cli import main
from livecam.evaluation.records import Records
add, after = Records.add, int(sys.argv.pop())
def counted(self, *what):
    global after
    if after == 0:
        self._file.write(b'{"item": "imag')
        self._file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    after -= 1
    add(self, *what)
Records.add = counted
main()
"""


def test_a_run_that_is_killed_anywhere_continues_to_the_same_report(tmp_path, capsys):
    listed = with_boxes(tmp_path / "set")
    words = [listed, "--details", "plain", *SMALL, "--measures", "localisation", "--json"]
    whole = run(capsys, *words, "-o", tmp_path / "whole")[1]
    after = random.randrange(1, 9)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, "evaluate", *map(str, words), "-o", str(tmp_path / "killed"), str(after)],
        capture_output=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-500:]
    kept = (tmp_path / "killed" / "records.jsonl").read_bytes()
    assert kept.count(b"\n") == 1 + after
    continued = run(capsys, *words, "-o", tmp_path / "killed")[1]
    assert (tmp_path / "killed" / "records.jsonl").read_bytes().startswith(kept[: kept.rindex(b"\n") + 1])
    del whole["command"], continued["command"]  # -o
    assert continued == whole


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--measures", "beauty"], 2, "--measures beauty: not one of localisation"),
        (["--measures", ","], 2, "nothing to measure"),
        (["--measures", "temporal"], 2, "has no videos"),
        (["--methods", "gradcma"], 2, "did you mean 'gradcam'"),
        (["--details", "fine"], 2, "not one of plain, live, best"),
        (["--peers", "/no/such/python"], 2, "scripts/peers"),
        (["--box-below", "0.001"], 2, "no picture is left"),
        (["--models", "efficientnet_lite0,ssdlite320_mobilenet_v3_large"], 2, "does detection: only classifiers"),
        (["--models", "r3d_18"], 2, "r3d_18 does clip classification: only classifiers"),
        (["--model", "lraspp_mobilenet_v3_large"], 2, "does segmentation: only classifiers"),
        (["--like", "cat.png"], 2, "--like: only classifiers are measured"),
        (["--like-text", "a cat"], 2, "--like-text: only classifiers are measured"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(tmp_path, capsys, words, code, said):
    listed = with_boxes(tmp_path / "set")
    ended, report, err = run(capsys, listed, "-o", tmp_path / "out", *SMALL, *words)
    assert (ended, report) == (code, None)
    assert said in err
    assert err.count("\n") == 1


def test_no_data_set_is_exit_code_3(tmp_path, capsys):
    code, _, err = run(capsys, tmp_path, "-o", tmp_path / "out")
    assert code == 3
    assert "frames/VIDEO" in err


def test_a_report_of_two_models_has_two_references():
    figures = {"pointing": 1.0, "energy": 0.5, "ious": [0.1] * 17, "iou": 0.1}
    found = {f"{model} {how}": {"": [figures, figures]} for model in "xy" for how in ("plain", "random")}
    models = {model: [f"{model} plain", f"{model} random"] for model in "xy"}
    facts = {"command": "", "dataset": {"name": "set"}, "settings": {"versions": {}}}
    report = make_report(facts, ["localisation"], found, models)
    assert report["references"] == ["x plain", "y plain"]
    cells = section(report, "localisation")["subjects"]
    assert [name for name, one in cells.items() if "difference" in one["iou"]] == ["x random", "y random"]
    assert "x plain / y plain" in markdown(report)
