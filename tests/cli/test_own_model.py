"""From a training under DataParallel to a recording with one's own labels; the layers of any model."""

import json

import cv2
import pytest
import torch
import torchvision

from livecam import cli
from livecam.cli.demo import sample
from livecam.geometry import plan, take
from livecam.models import IMAGENET_MEAN, IMAGENET_STD
from livecam.sources import open_source

SIZE = 64
LABELS = ("coat", "espresso", "my cat", "photographer", "table")
SCENES = ("my cat", "photographer", "espresso")  # of the sample clip, in this order
STEPS = 6


def film(path):
    """24 frames: two of each photograph of the sample clip, each four times."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (640, 360))
    with open_source(str(sample())) as source:
        for frame in iter(source.read, None):
            if frame.index % 100 in (20, 80):
                for _ in range(4):
                    writer.write(cv2.resize(frame.image, (640, 360), interpolation=cv2.INTER_AREA)[..., ::-1])
    writer.release()


def as_input(picture):
    """As ``--input squash`` makes it."""
    size, region = plan("squash", picture.shape[:2], SIZE)
    x = torch.from_numpy(take(picture, region, size)).permute(2, 0, 1) / 255
    return (x - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What a training leaves behind: a checkpoint and names; and a clip of the pictures that were learnt by heart."""
    folder = tmp_path_factory.mktemp("trained")
    film(folder / "clip.avi")
    with open_source(str(folder / "clip.avi")) as source:
        frames = [frame.image for frame in iter(source.read, None)]
    pictures = {label: frames[start : start + 8 : 4] for label, start in zip(SCENES, (0, 8, 16), strict=True)}
    pictures["coat"] = [frame[:100, :210] for frame in frames[12:14]]
    pictures["table"] = [frame[230:, :150] for frame in frames[16:18]]
    torch.manual_seed(0)
    module = torch.nn.DataParallel(torchvision.models.mobilenet_v2(num_classes=len(LABELS), dropout=0))
    x = torch.stack([as_input(picture) for label in LABELS for picture in pictures[label]])
    y = torch.arange(len(LABELS)).repeat_interleave(2)
    optimiser = torch.optim.Adam(module.parameters(), 2e-3)
    for _ in range(STEPS):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(x), y).backward()
        optimiser.step()
    for part in module.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.momentum = 1  # few steps: the statistics are those of the last pass
    with torch.no_grad():
        module(x)
    torch.save(module.state_dict(), folder / "mine.pth")
    (folder / "five.txt").write_text("\n".join(LABELS))
    return folder


def report_of(capsys, *arguments):
    code = cli.livecam.main([*map(str, arguments), "--json"], standalone_mode=False)
    assert not code
    return json.loads(capsys.readouterr().out)


def test_a_training_under_dataparallel_annotates_a_clip_with_its_own_labels(trained, capsys):
    given = ("--model", "mobilenet_v2", "--weights", trained / "mine.pth", "--labels", trained / "five.txt")
    out = trained / "out.mp4"
    how = ("--input-size", SIZE, "--input", "squash", "--smooth", "off", "--backend", "torch")
    report = report_of(capsys, "annotate", trained / "clip.avi", "-o", out, *given, *how)
    assert report["frames_out"] == 24
    lines = [json.loads(line) for line in (trained / "out.mp4.jsonl").read_text().splitlines()]
    assert lines[0]["labels"] == 5
    frames = [line for line in lines if line["type"] == "frame"]
    # The first frames of a scene may still show the label of the last: labels have hysteresis.
    tops = [max(frame["top"], key=lambda one: one["score"]) for frame in frames]
    assert [one["label"] for one in tops] == [label for label in SCENES for _ in range(8)]
    assert min(one["score"] for one in tops) > 0.6


def test_a_card_beside_the_checkpoint_says_the_same(trained, capsys, monkeypatch):
    (trained / "mine.toml").write_text(
        f'model = "mobilenet_v2"\nweights = "mine.pth"\nlabels = "five.txt"\ninput_size = {SIZE}\n'
    )
    clip = cv2.VideoCapture(str(trained / "clip.avi"))
    cv2.imwrite(str(trained / "cat.png"), clip.read()[1])
    how = ("--input", "squash", "--backend", "torch", "--detail", "plain")
    report = report_of(
        capsys, "explain", trained / "cat.png", "-o", trained / "seen.png", "--model", trained / "mine.toml", *how
    )
    assert report["top"][0]["label"] == "my cat"
    assert report["cam"]["h"] == 2  # 64 / 32


def test_the_layers_of_a_model_with_their_maps(capsys):
    report = report_of(capsys, "models", "mobilenet_v2", "--layers")
    assert report["chosen"] == "features"
    layers = {one["name"]: one for one in report["layers"]}
    first = {"name": "features.0.0", "kind": "Conv2d", "channels": 32, "map": [112, 112], "moments": 1}
    assert layers["features.0.0"] == first
    assert layers["features.18"]["map"] == [7, 7]
    assert "classifier.1" not in layers
    assert cli.livecam.main(["models", "mobilenet_v2", "--layers"], standalone_mode=False) is None
    shown = capsys.readouterr().err
    assert [line for line in shown.splitlines() if "← chosen" in line and line.startswith("features ")]


def test_layers_of_timms(capsys):
    report = report_of(capsys, "models", "timm/mobilenetv3_small_050", "--layers")
    assert report["chosen"] in [one["name"] for one in report["layers"]]


def test_layers_of_a_network_over_clips(capsys):
    report = report_of(capsys, "models", "mc3_18", "--layers")
    assert report["chosen"] in [one["name"] for one in report["layers"]]
    layers = {one["name"]: (one["map"], one["moments"]) for one in report["layers"]}
    assert layers["stem.0"] == ([56, 56], 16) and layers["layer4"] == ([7, 7], 16)


def test_a_name_can_be_found_by_its_line(capsys):
    """A table of which nobody sees the end: whole names, a line each."""
    assert cli.livecam.main(["models"], standalone_mode=False) is None
    lines = capsys.readouterr().err.splitlines()
    found = [line.split() for line in lines if line.startswith("fasterrcnn_mobilenet_v3_large_320_fpn ")]
    assert [line[1] for line in found] == ["detection"]
    assert max(map(len, lines[:-2])) <= 80
