"""Detectors and segmenters against torchvision's own, unwrapped, with plain autograd."""

import numpy as np
import pytest
import torch
from seeded import checkpoint, textures

from livecam.errors import ConfigError, WeightsError
from livecam.explainer import Explainer
from livecam.models import load_model
from livecam.smoothing import DOUBTFUL

SSD, RCNN = "ssdlite320_mobilenet_v3_large", "fasterrcnn_mobilenet_v3_large_320_fpn"
LRASPP, DEEPLAB = "lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"
CLASSES = 6
PICTURE = textures(1, (320, 320))[0]  # the size that both detectors take as it is
LEAST = 0.2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module", params=[SSD, RCNN])
def detector(request, folder):
    path = folder / f"{request.param}.pth"
    return request.param, path, checkpoint(request.param, path, CLASSES)


@pytest.fixture(scope="module", params=[LRASPP, DEEPLAB])
def segmenter(request, folder):
    path = folder / f"{request.param}.pth"
    return request.param, path, checkpoint(request.param, path, CLASSES)


def opened(name, path, **options):
    return Explainer(name, weights=path, detail="plain", min_score=LEAST, **options)


def found_by_torchvision(net):
    """Its own boxes, and every row's logits with A, in one pass over PICTURE in [0, 1]."""
    noted = {}

    def note(key):
        return lambda _module, _inputs, output: noted.__setitem__(key, output)

    is_ssd = hasattr(net, "head")
    parts = (
        {"A": net.backbone.features[0], "head": net.head, "anchors": net.anchor_generator}
        if is_ssd
        else {"A": net.backbone.body["13"], "head": net.roi_heads.box_predictor, "regions": net.rpn}
    )
    handles = [part.register_forward_hook(note(key)) for key, part in parts.items()]
    thresholds = net if is_ssd else net.roi_heads
    thresholds.score_thresh, thresholds.detections_per_img = LEAST, 10
    x = (torch.from_numpy(PICTURE).permute(2, 0, 1).float() / 255).requires_grad_(True)
    (seen,) = net([x])
    for handle in handles:
        handle.remove()
    if is_ssd:
        logits = noted["head"]["cls_logits"][0]
        boxes = net.box_coder.decode_single(noted["head"]["bbox_regression"][0], noted["anchors"][0])[:, None]
        boxes = boxes.expand(-1, CLASSES, -1)
    else:
        logits, offsets = noted["head"]
        boxes = net.roi_heads.box_coder.decode(offsets, noted["regions"][0])
    return seen, logits, boxes.detach().clamp(0, 320), noted["A"]


def test_boxes_and_their_maps_are_those_of_the_library_and_of_autograd(detector):
    name, path, net = detector
    seen, logits, boxes, activations = found_by_torchvision(net)
    with opened(name, path) as explainer, opened(name, path, method="hirescam") as elementwise:
        assert explainer.labels[0] == "__background__" and len(explainer.labels) == CLASSES
        explanation, other = explainer.explain(PICTURE), elementwise.explain(PICTURE)
        one = explainer.explain(PICTURE, int(seen["labels"][-1]))
    objects = explanation.objects
    assert len(objects) == len(seen["labels"]) >= 2
    assert [o.prediction.class_idx for o in objects] == seen["labels"].tolist()
    np.testing.assert_allclose([o.prediction.score for o in objects], seen["scores"].detach(), atol=1e-4)
    corners = [(o.box[1], o.box[0], o.box[3], o.box[2]) for o in objects]
    np.testing.assert_allclose(corners, seen["boxes"].detach() / 320, atol=1e-4)
    for mine, local in zip(objects, other.objects, strict=True):
        number = mine.prediction.class_idx
        place = torch.tensor([mine.box[1], mine.box[0], mine.box[3], mine.box[2]]) * 320
        same = (boxes[:, number] - place).abs().amax(1) < 0.1
        row = int(torch.where(same, logits.softmax(1)[:, number], -1).argmax())
        (g,) = torch.autograd.grad(logits[row, number], activations, retain_graph=True)
        for map_, wanted in (
            (mine, (g.mean((2, 3), keepdim=True) * activations).sum(1)[0]),
            (local, (g * activations).sum(1)[0]),
        ):
            wanted = wanted.clamp(min=0).detach().numpy()
            assert wanted.max() > 0
            np.testing.assert_allclose(map_.cam * map_.peak, wanted, atol=2e-3 * wanted.max())
    np.testing.assert_array_equal(explanation.cam, np.max([o.cam for o in objects], 0))
    assert explanation.peak == max(o.peak for o in objects)
    best = logits.softmax(1)[:, 1:].amax(0)
    assert explanation.class_idx == 1 + int(best.argmax())
    assert {o.prediction.class_idx for o in one.objects} == {int(seen["labels"][-1])}


def test_what_is_not_there_is_not_explained(detector):
    name, path, _ = detector
    with Explainer(name, weights=path, min_score=1.0) as explainer:
        explanation = explainer.explain(PICTURE)
    assert explanation.objects == () and explanation.peak == 0 and not explanation.cam.any()
    assert explanation.top[0].score < 1
    assert sorted(one.class_idx for one in explanation.top) == list(range(1, CLASSES))  # the background is none
    with pytest.raises(ConfigError, match="scales do not go with"):
        opened(name, path, scales=(1.0, 2.0))


def test_doubtful_boxes_are_there_where_they_are_known(detector):
    name, path, _ = detector
    asked = []

    def track(found, least):
        asked.append((found, least))
        return [7 if number == len(found) - 1 else None for number in range(len(found))]

    with opened(name, path) as explainer:
        assert explainer.finds_objects
        scores = [one.prediction.score for one in explainer.explain(PICTURE).objects]
    limit = (scores[0] + scores[1]) / 2
    with Explainer(name, weights=path, detail="plain", min_score=limit) as explainer:
        sure = explainer.explain(PICTURE).objects
        (known,) = explainer.explain(PICTURE, track=track).objects
        (cut,) = explainer.explain(np.pad(PICTURE, ((0, 0), (40, 40), (0, 0))), track=track).objects
    ((found, least), (others, _)) = asked
    assert least == limit
    assert len(found) > len(sure) == 1 and DOUBTFUL * limit < found[-1].score < limit
    assert [one.score for one in found[: len(sure)]] == [one.prediction.score for one in sure]
    assert (known.box, known.prediction.class_idx, known.prediction.score) == found[-1]
    assert cut.box == others[-1].box
    assert (known.track, cut.track, sure[0].track) == (7, 7, None)


def test_this_and_not_that_is_asked_of_the_same_box(detector):
    from livecam.types import Question

    name, path, net = detector
    seen, logits, _, activations = found_by_torchvision(net)
    number = int(seen["labels"][0])
    rival = next(one for one in range(1, CLASSES) if one != number)
    with opened(name, path) as explainer:
        first = explainer.explain(PICTURE, question=Question(against=rival)).objects[0]
    row = int(logits.softmax(1)[:, number].argmax())
    (g,) = torch.autograd.grad(logits[row, number] - logits[row, rival], activations)
    wanted = (g.mean((2, 3), keepdim=True) * activations).sum(1)[0].clamp(min=0).detach().numpy()
    np.testing.assert_allclose(first.cam * first.peak, wanted, atol=2e-3 * wanted.max())


def test_a_region_is_explained_by_the_sum_of_its_logits(segmenter):
    name, path, net = segmenter
    size = (160, 256)
    picture = textures(1, size, seed=3)[0]
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    x = ((torch.from_numpy(picture).permute(2, 0, 1) / 255 - mean) / std)[None].requires_grad_(True)
    noted = []
    handle = net.backbone["16"].register_forward_hook(lambda _module, _inputs, output: noted.append(output))
    out = net(x)["out"][0]
    handle.remove()
    seen = out.argmax(0)
    areas = torch.bincount(seen.flatten(), minlength=CLASSES).float() / seen.numel()
    largest = 1 + int(areas[1:].argmax())
    smaller = 1 + int(torch.where(areas[1:] > 0, areas[1:], 2).argmin())
    assert largest != smaller
    with opened(name, path, input_size=size[0]) as explainer:
        explanations = [explainer.explain(picture), explainer.explain(picture, smaller)]
        pair = explainer.explain_batch([picture, np.ascontiguousarray(picture[::-1])])
    for explanation, number in zip(explanations, (largest, smaller), strict=True):
        assert explanation.class_idx == number
        assert (explanation.mask != (seen == number).numpy()).mean() < 1e-3
        assert explanation.target.score == pytest.approx(float(areas[number]), abs=1e-3)
        (g,) = torch.autograd.grad(out[number][seen == number].sum(), noted[0], retain_graph=True)
        wanted = (g.mean((2, 3), keepdim=True) * noted[0]).sum(1)[0].clamp(min=0).detach().numpy()
        np.testing.assert_allclose(explanation.cam * explanation.peak, wanted, atol=1e-2 * wanted.max())
    np.testing.assert_allclose(pair[0].cam, explanations[0].cam, atol=1e-3)


def test_labels_may_leave_out_the_background(folder, tmp_path):
    checkpoint(LRASPP, folder / "few.pth", 3)
    names = tmp_path / "names.txt"
    names.write_text("road\nriver\n")
    assert load_model(LRASPP, weights=folder / "few.pth", labels=names).labels == ("__background__", "road", "river")
    with pytest.raises(WeightsError, match="does not fit"):
        load_model(DEEPLAB, weights=folder / "few.pth")


def test_published_checkpoints_of_segmenters_have_a_head_that_only_training_uses(tmp_path):
    net = checkpoint(DEEPLAB, tmp_path / "w.pth", 3)
    torch.save(net.state_dict() | {"aux_classifier.4.weight": torch.zeros(3)}, tmp_path / "w.pth")
    assert len(load_model(DEEPLAB, weights=tmp_path / "w.pth").labels) == 3


def test_other_engines_say_that_they_do_not_do_this():
    with pytest.raises(ConfigError, match="'openvino' does not do detection; use --backend torch"):
        Explainer(SSD, weights="random", backend="openvino")


def test_random_weights_are_marked_and_the_seed_decides_them():
    one, same, other = (
        load_model("resnet18", weights=seed).module.fc.weight for seed in ("random", "random:0", "random:1")
    )
    assert torch.equal(one, same) and not torch.equal(one, other)
    with Explainer("resnet18", weights="random", input_size=64) as explainer:
        assert explainer.random_weights
        assert explainer.explain(PICTURE).random_weights
