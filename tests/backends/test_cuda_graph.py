"""When a network is captured and what happens where that fails; the capture itself needs a device."""

import logging

import pytest
import torch

from livecam.backends.cuda_graph import KEPT, Replayed, captured


class Doubling:
    """A function that counts how often it is really run."""

    def __init__(self):
        self.runs = 0

    def __call__(self, x):
        self.runs += 1
        return (2 * x, x.sum())


def by_buffers(function, x):
    """What a capture does, on the CPU: the outputs stay in the buffers of the first run."""
    outputs = function(x)

    def replay(x):
        for kept, new in zip(outputs, (2 * x, x.sum()), strict=True):
            kept.copy_(new)
        return outputs

    return replay


def picture(value, side=4):
    return torch.full((1, side, side), float(value))


def test_a_shape_is_captured_when_it_comes_again():
    function = Doubling()
    replayed = Replayed(function, by_buffers)
    found = [replayed(picture(value))[0].max().item() for value in (1, 2, 3, 4)]
    assert found == [2, 4, 6, 8]
    assert function.runs == 2  # the first call, and the capture at the second


def test_stills_of_many_shapes_are_not_captured():
    function = Doubling()
    replayed = Replayed(function, by_buffers)
    for side in (2, 3, 4, 2, 3, 4):
        assert replayed(picture(1, side))[1].item() == side * side
    assert function.runs == 6


def test_few_graphs_are_kept():
    captures = []
    replayed = Replayed(Doubling(), lambda function, x: captures.append(x.shape[1]) or by_buffers(function, x))
    for side in [*range(2, KEPT + 3), 2]:
        assert [replayed(picture(1, side))[1].item() for _ in range(3)] == [side * side] * 3
    assert captures == [*range(2, KEPT + 3), 2]  # the first had made room
    assert len(replayed._graphs) == KEPT


@pytest.mark.parametrize("error", [RuntimeError("operation not permitted"), torch.OutOfMemoryError("no memory")])
def test_where_capturing_fails_it_runs_without_and_says_so_once(error, caplog):
    function = Doubling()

    def fails(*_):
        raise error

    replayed = Replayed(function, fails)
    with caplog.at_level(logging.WARNING, "livecam"):
        found = [replayed(picture(value))[0].max().item() for value in (1, 2, 3, 4)]
    assert found == [2, 4, 6, 8]
    assert function.runs == 4
    (record,) = caplog.records
    assert str(error) in record.message
    assert "(1, 4, 4)" in record.message


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_graph_replays_for_new_inputs():
    module = torch.nn.Conv2d(3, 5, 3).cuda().eval()
    with torch.inference_mode():
        replay = captured(lambda x: (module(x),), torch.zeros(1, 3, 16, 16, device="cuda"))
        for seed in range(3):
            x = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(seed)).cuda()
            assert torch.allclose(replay(x)[0], module(x), atol=1e-5)
