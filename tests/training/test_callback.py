"""What is written about an epoch, and that the training does not notice."""

import gc
import json
import random
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from livecam.errors import ConfigError, ModelError, SinkError
from livecam.training import ExplainCallback, FolderLog, Probes, TensorBoardLog

EPOCHS = 3
PANEL = (288 + 30, 3 * 288 + 2 * 4, 3)


def traces(network):
    """All that explaining could leave behind in a network."""
    return (
        [part.training for part in network.modules()],
        [parameter.requires_grad for parameter in network.parameters()],
        [parameter.grad is None for parameter in network.parameters()],
        [(value.data_ptr(), value.stride(), value.dtype) for value in network.state_dict().values()],
        [len(part._forward_hooks) + len(part._forward_pre_hooks) for part in network.modules()],
    )


def test_losses_are_the_same_bit_for_bit(training, chosen, tmp_path):
    plain = training()
    for _ in range(EPOCHS):
        plain.epoch()
    watched = training()
    pictures, given = chosen
    probes = Probes(watched.network, every=1)
    with ExplainCallback(*pictures, log=tmp_path, probes=probes, **given) as explain:
        for epoch in range(EPOCHS):
            watched.epoch()
            before = traces(watched.network)
            state = {key: value.clone() for key, value in watched.network.state_dict().items()}
            gradients = [None if one.grad is None else one.grad.clone() for one in watched.network.parameters()]
            explain(watched.network, epoch)
            assert traces(watched.network) == before
            for key, value in watched.network.state_dict().items():
                assert torch.equal(value, state[key]), key  # also the statistics of batch normalisation
            for parameter, gradient in zip(watched.network.parameters(), gradients, strict=True):
                assert gradient is None or torch.equal(parameter.grad, gradient)
    assert watched.losses == plain.losses
    for key, value in plain.network.state_dict().items():
        assert torch.equal(watched.network.state_dict()[key], value), key
    drawn = [(random.random(), np.random.random(), float(torch.rand(1)))]
    again = training()
    for _ in range(EPOCHS):
        again.epoch()
    assert drawn == [(random.random(), np.random.random(), float(torch.rand(1)))]


def test_random_numbers_are_given_back_also_after_a_method_that_draws_some(training, chosen, tmp_path):
    pictures, given = chosen
    network = training().network

    def draw():
        torch.manual_seed(1)
        np.random.seed(1)
        random.seed(1)
        yield
        yield random.random(), np.random.random(), float(torch.rand(1))

    expected, found = draw(), draw()
    next(expected)
    numbers = next(expected)
    next(found)
    ExplainCallback(*pictures, log=tmp_path, method="smoothgradcampp", **given)(network, 0)
    assert next(found) == numbers


def test_a_folder_has_the_panels_and_the_figures(training, chosen, tmp_path):
    run = training()
    pictures, given = chosen
    with ExplainCallback(*pictures, log=tmp_path, probes=Probes(run.network, every=1), **given) as explain:
        for epoch in range(EPOCHS):
            run.epoch()
            findings = explain(run.network, epoch)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == [
        f"epoch_{n:04d}" for n in range(EPOCHS)
    ]
    report = json.loads((tmp_path / "epoch_0002.json").read_text())
    run.network.eval()
    x = torch.from_numpy(np.stack([cv2.resize(one, (48, 48), interpolation=cv2.INTER_AREA) for one in pictures[0]]))
    x = (x.permute(0, 3, 1, 2) / 255 - torch.tensor(given["mean"]).view(3, 1, 1)) / torch.tensor(given["std"]).view(
        3, 1, 1
    )
    with torch.inference_mode():
        scores = run.network(x).softmax(1)
    for number, entry in enumerate(report["pictures"]):
        target = int(pictures[1][number])
        assert entry["true"]["class_idx"] == target
        assert entry["true"]["score"] == pytest.approx(float(scores[number, target]), abs=0.02)  # of the same network
        assert entry["predicted"]["label"] == given["labels"][int(scores[number].argmax())]
        assert entry["right"] == (int(scores[number].argmax()) == target)
        panel = cv2.imread(str(tmp_path / entry["file"]))[..., ::-1]
        assert panel.shape == PANEL
        assert np.array_equal(panel, findings.pictures[number].panel)
        shown = cv2.resize(pictures[0][number], (288, 288), interpolation=cv2.INTER_CUBIC)
        assert np.array_equal(panel[:288, :288], shown)
    assert [layer["name"] for layer in report["layers"]] == ["features.2", "features.5", "features.8"]
    assert [layer["passes"] for layer in report["layers"]] == [3, 3, 3]


def test_tensorboard_reads_back_what_was_found(training, chosen, tmp_path):
    pytest.importorskip("tensorboard", reason="missing tool: tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = training()
    pictures, given = chosen
    found = []
    log = TensorBoardLog(tmp_path)
    with ExplainCallback(*pictures, log=log, probes=Probes(run.network, every=1), **given) as explain:
        for epoch in range(EPOCHS):
            run.epoch()
            found.append(explain(run.network, epoch))
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0, "histograms": 0, "scalars": 0})
    events.Reload()
    assert events.Tags()["images"] == [f"explain/{number:02d}" for number in range(3)]
    for number in range(3):
        images = events.Images(f"explain/{number:02d}")
        assert [one.step for one in images] == list(range(EPOCHS))
        for epoch, one in enumerate(images):
            decoded = cv2.imdecode(np.frombuffer(one.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
            assert np.array_equal(decoded, found[epoch].pictures[number].panel)
        scores = [one.value for one in events.Scalars(f"explain/{number:02d}/true")]
        assert scores == pytest.approx([findings.pictures[number].true.score for findings in found])
    for kind in ("activations", "gradients"):
        for index, name in enumerate(("features.2", "features.5", "features.8")):
            histograms = events.Histograms(f"{kind}/{name}")
            assert [one.step for one in histograms] == list(range(EPOCHS))
            for epoch, one in enumerate(histograms):
                own = getattr(found[epoch].layers[index], kind)
                value = one.histogram_value
                assert (value.num, value.min, value.max) == (own.number, own.least, own.most)
                assert sum(value.bucket) == own.number
                assert value.sum == pytest.approx(own.total)
    dead = [one.value for one in events.Scalars("dead/features.8")]
    assert dead == pytest.approx([findings.layers[2].dead / 48 for findings in found])


def test_a_summary_writer_of_the_users_own_stays_open(training, chosen, tmp_path):
    tensorboard = pytest.importorskip("torch.utils.tensorboard", reason="missing tool: tensorboard")
    pictures, given = chosen
    with tensorboard.SummaryWriter(str(tmp_path)) as writer:
        with ExplainCallback(*pictures, log=writer, **given) as explain:
            explain(training().network, 0)
        writer.add_scalar("loss", 1.0, 0)  # raises when it is closed


def count():
    gc.collect()
    # By type(): some objects of libraries warn when they are asked for their class.
    return sum(issubclass(type(one), torch.Tensor | torch.nn.Module) for one in gc.get_objects())


def test_nothing_grows_from_epoch_to_epoch(training, chosen, tmp_path):
    run = training()
    pictures, given = chosen
    probes = Probes(run.network, every=1)
    with ExplainCallback(pictures[0][:1], pictures[1][:1], log=tmp_path, probes=probes, **given) as explain:
        counts = []
        for epoch in range(4):
            run.epoch()
            explain(run.network, epoch)
            counts.append((count(), sum(len(part._forward_hooks) for part in run.network.modules())))
    assert len(set(counts[1:])) == 1
    assert not any(part._forward_hooks for part in run.network.modules())


def test_a_wrapped_network_is_explained_as_itself(training, chosen, tmp_path):
    pictures, given = chosen
    network = training().network
    compiled = torch.compile(network, backend="eager")
    wrapped = (torch.nn.DataParallel(network), compiled, torch.nn.DataParallel(compiled))
    findings = [ExplainCallback(*pictures, log=tmp_path, **given)(one, 0) for one in (network, *wrapped)]
    scores = [[one.true.score for one in found.pictures] for found in findings]
    assert all(one == scores[0] for one in scores)
    assert {found.pictures[0].for_true.target_layer for found in findings} == {"features"}


class Module(torch.nn.Module):
    """As Lightning's: it refers to its trainer, which is not to be copied."""

    def __init__(self, network, trainer):
        super().__init__()
        self.network, self.trainer = network, trainer

    def forward(self, x):
        return self.network(x)


class Trainer(SimpleNamespace):
    def __deepcopy__(self, _known):
        raise AssertionError("the trainer was copied")


def test_lightnings_hook(training, chosen, tmp_path):
    pictures, given = chosen
    trainer = Trainer(is_global_zero=True, current_epoch=4)
    module = Module(training().network, trainer)
    with ExplainCallback(*pictures, log=tmp_path, every=2, **given) as explain:
        explain.on_train_epoch_end(trainer, module)
        trainer.current_epoch = 5  # every second one
        explain.on_train_epoch_end(trainer, module)
        trainer.current_epoch, trainer.is_global_zero = 6, False
        explain.on_train_epoch_end(trainer, module)
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["epoch_0004.json"]
    # Those of validation run before the first epoch, too, and not at all where there is no validation.
    assert not [name for name in dir(explain) if "validation" in name]


def test_the_network_inside_lightnings_module(training, chosen, tmp_path):
    pictures, given = chosen
    trainer = Trainer(is_global_zero=True, current_epoch=0)
    module = Module(training().network, trainer)
    with ExplainCallback(*pictures, log=tmp_path, network=lambda one: one.network, **given) as explain:
        explain.on_train_epoch_end(trainer, module)
    assert len(list((tmp_path / "epoch_0000").iterdir())) == 3


def test_what_cannot_be_used_is_said(training, chosen, tmp_path):
    (pictures, targets), given = chosen
    for wrong, says in [
        ({"targets": [0]}, "3 pictures and 1 targets"),
        ({"targets": [0, 1, 3]}, "target 3 does not exist"),
        ({"pictures": pictures.astype(np.float32)}, "uint8 RGB"),
        ({"log": 3}, "give a folder"),
        ({"every": 0}, "every 0"),
    ]:
        with pytest.raises(ConfigError, match=says):
            ExplainCallback(**({"pictures": pictures, "targets": targets, "log": tmp_path} | given | wrong))
    network = training().network
    with pytest.raises(ModelError, match=r"gives \(1, 3\) for a picture, not logits \(1, 4\)"):
        ExplainCallback(pictures, targets, log=tmp_path, **(given | {"labels": "abcd"}))(network, 0)
    network.kept = network(torch.zeros(1, 3, 48, 48))
    with pytest.raises(ModelError, match="keep no tensors of a pass"):
        ExplainCallback(pictures, targets, log=tmp_path, **given)(network, 0)


def test_a_folder_that_cannot_be_written(training, chosen, tmp_path):
    pictures, given = chosen
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="cannot be written"):
        ExplainCallback(*pictures, log=FolderLog(tmp_path / "file"), **given)(training().network, 0)
