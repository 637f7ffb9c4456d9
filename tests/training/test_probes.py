"""Histograms, dead channels, and hooks that go away."""

import gc
import weakref

import numpy as np
import pytest
import torch

from livecam.errors import ConfigError
from livecam.training import Probes
from livecam.training.histogram import EDGES, Adding


def test_histograms_are_numpys(training):
    run = training()
    seen, gradients = [], []
    layer = run.network.features[1]  # its output is changed in place by what follows

    def note(_part, _inputs, output):
        seen.append(output.detach().clone().numpy())
        output.register_hook(lambda gradient: gradients.append(gradient.clone().numpy()))

    handle = layer.register_forward_hook(note)
    with Probes(run.network, ["features.7"], every=1) as probes:  # (8, 48, 6, 6): few enough to be counted all
        handle.remove()
        handle = run.network.features[7].register_forward_hook(note)
        run.epoch()
        (found,) = probes.read()
    handle.remove()
    values, back = np.concatenate(seen), np.concatenate(gradients)
    assert found.passes == 3
    step = (seen[0].size // 4096) | 1
    for own, oracle in ((found.activations, seen), (found.gradients, gradients)):
        sampled = np.concatenate([one.ravel()[::step] for one in oracle]).astype(np.float64)
        assert own.number == sampled.size
        assert (own.least, own.most) == (sampled.min(), sampled.max())
        assert own.mean == pytest.approx(sampled.mean(), abs=1e-9)
        assert np.array_equal(own.counts, np.histogram(sampled, own.edges)[0])
    assert values.shape == back.shape == (24, 48, 6, 6)


def test_dead_channels_are_those_that_never_change(training):
    run = training()
    with torch.no_grad():
        run.network.features[4].bias[3] = -1e4  # behind its ReLU6 always 0
        run.network.features[4].bias[7] = 1e4  # always 6
    with Probes(run.network, every=1) as probes:
        run.epoch()
        found = {layer.name: layer for layer in probes.read()}
    assert (found["features.5"].channels, found["features.5"].dead) == (32, 2)
    assert found["features.8"].dead == 0


def test_broken_channels_hold_no_numbers():
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU())
    with torch.no_grad():
        network[0].bias[0], network[0].bias[2] = np.nan, np.inf
    with Probes(network) as probes:
        network(torch.zeros(4, 2))
        (found,) = probes.read()
    assert (found.broken, found.activations.number) == (2, 4)


def test_a_module_that_runs_twice_with_other_widths():
    class Twice(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.relu = torch.nn.Linear(2, 3), torch.nn.Linear(3, 5), torch.nn.ReLU()

        def forward(self, x):
            return self.relu(self.second(self.relu(self.first(x))))

    network = Twice()
    with Probes(network, every=1) as probes:
        network(torch.rand(4, 2))
        (found,) = probes.read()
    assert (found.channels, found.activations.number) == (8, 32)


def test_only_training_counts_and_only_every_nth_pass(training):
    run = training()
    with Probes(run.network, every=2) as probes:
        run.epoch()
        run.network.eval()
        run.network(run.x)
        assert [layer.passes for layer in probes.read()] == [2, 2, 2]  # the first and the third of three
        run.epoch()
        assert [layer.passes for layer in probes.read()] == [2, 2, 2]
        assert [layer.activations.number for layer in probes.read()] == [0, 0, 0]


def test_hooks_go_away_and_do_not_keep_the_network(training):
    run = training()
    probes = Probes(run.network, every=1)
    run.epoch()
    probes.close()
    probes.close()
    assert not any(part._forward_hooks for part in run.network.modules())
    kept = Probes(run.network)
    gone = weakref.ref(run.network)
    del run
    gc.collect()
    assert gone() is None
    kept.close()


def test_what_cannot_be_probed_is_said(training):
    network = training().network
    with pytest.raises(ConfigError, match=r"no layer 'features.22'; did you mean 'features.2'"):
        Probes(network, ["features.22"])
    with pytest.raises(ConfigError, match="no activation function"):
        Probes(torch.nn.Linear(1, 1))
    with pytest.raises(ConfigError, match="every 0"):
        Probes(network, every=0)


def test_values_beyond_the_edges_are_counted_there():
    adding = Adding()
    adding.add(np.array([1e12, -1e12, 0.0, np.inf, -np.inf]))
    found = adding.histogram()
    assert (found.number, int(found.counts.sum()), found.most) == (3, 3, 1e12)
    assert (found.edges[0], found.edges[-1]) == (EDGES[0], EDGES[-1])
