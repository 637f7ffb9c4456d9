"""A detector by the same command as a classifier; what it found is in the sidecar."""

import json
import sys

import pytest

from livecam import cli
from livecam.cli.demo import sample
from livecam.sinks.sidecar import read_cam, read_sidecar


def test_annotate_with_a_detector(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.mp4"
    words = f"annotate {sample()} -o {out} --model ssdlite320_mobilenet_v3_large --weights random:1"
    # Untrained, it finds all classes alike, 1/91.
    monkeypatch.setattr(sys, "argv", ["livecam", *words.split(), "--min-score", "0.01", "--max-frames", "2", "--json"])
    monkeypatch.setattr(cli._console, "_console", None)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    report = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    assert report["random_weights"] and report["frames_out"] == 2
    header, *frames, _ = read_sidecar(f"{out}.jsonl")
    assert header["random_weights"] and header["labels"] == 91
    for frame in frames:
        assert frame["random_weights"]
        assert {one["track"] for one in frame["objects"]} == set(range(len(frame["objects"])))
        for one in frame["objects"]:
            assert read_cam(one).shape == (20, 20)
            y0, x0, y1, x1 = one["box"]
            assert 0 <= y0 < y1 <= 1 and 0 <= x0 < x1 <= 1
            assert one["score"] > 0.01 and one["label"]
    assert frames[0]["objects"]
