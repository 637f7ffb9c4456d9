"""Who is measured: the same way in, the whole picture out."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from evaluation_sets import picture

from livecam.bench.maps import correlation
from livecam.evaluation.subjects import Explained, baselines, open_peers
from livecam.explainer import Explainer
from livecam.methods._maps import ranged
from livecam.models import ModelSpec
from livecam.smoothing import Smoother

PEERS = Path(os.environ.get("LIVECAM_PEERS", Path(__file__).parents[2] / "build" / "peers" / "bin" / "python"))


def test_baselines_know_nothing_but_the_picture_they_were_given():
    centre, chance = baselines("m")
    assert (centre.name, chance.name) == ("m centre Gaussian", "m random")
    one, other = picture(0)[0], picture(1)[0]
    for subject in (centre, chance):
        assert np.array_equal(subject.look(one, 3)(one), subject.look(one, 5)(one))
        assert subject.look(one, 3)(one[::2]).shape == (24, 64)
        assert subject.watch(one, 0.0, Smoother()).stream is None
    assert np.array_equal(centre.look(one, 3)(one), centre.look(other, 3)(one))
    assert abs(correlation(chance.look(one, 3)(one), chance.look(other, 3)(one))) < 0.6


def test_a_stream_holds_its_class_while_a_frame_by_itself_has_its_own():
    with Explainer(input_size=64, backend="torch", detail="plain") as explainer:
        subject, smoother = Explained("m", explainer), Smoother(0.25)
        best, held, changed = [], [], False
        for number in range(12):
            image = np.ascontiguousarray(picture(number // 3)[0])
            watched = subject.watch(image, number / 25, smoother)
            own = explainer.explain(image)
            assert np.allclose(watched.frame(image), own.heatmap(image.shape[:2], guide=image), atol=1e-6)
            assert watched.stream.best == own.class_idx
            best.append(own.class_idx)
            held.append(watched.stream.held)
            changed |= not np.allclose(watched.stream.shown(image), watched.frame(image), atol=1e-3)
    assert changed
    assert sum(a != b for a, b in pairwise(held)) <= sum(a != b for a, b in pairwise(best))


@pytest.mark.skipif(not PEERS.is_file(), reason="needs the peers: LIVECAM_PEERS, the python that scripts/peers prints")
def test_peers_explain_the_picture_that_they_are_given():
    spec = ModelSpec("efficientnet_lite0")
    with (
        open_peers(PEERS, spec, None) as peers,
        Explainer(input="squash", detail="plain", backend="torch") as explainer,
    ):
        assert [peer.name.split(" ", 1)[1] for peer in peers] == ["pytorch-grad-cam", "torchcam"]
        for seed in (0, 1):
            image = np.ascontiguousarray(picture(seed)[0])
            wanted = ranged(explainer.explain(image, 7).cam)
            for peer in peers:
                assert peer.look(image, 7)(image).shape == image.shape[:2]
                small = np.zeros((7, 7, 3), np.uint8)
                assert correlation(peer.look(image, 7)(np.zeros((224, 224, 3), np.uint8)), wanted) > 0.95, peer.name
                assert np.isfinite(peer.look(image, None)(small)).all()
