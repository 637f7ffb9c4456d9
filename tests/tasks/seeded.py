"""Networks with seeded weights that say different things of different pictures.

As torchvision makes them, untrained ones do not: signals vanish on their way. Here weights keep the variance, and the
normalisations take their statistics from pictures, so that boxes and regions appear.
"""

import cv2
import numpy as np
import torch

from livecam.models import get_card

SPREAD = 2.5  # standard deviation of a detector's logits: some are sure, none is beyond doubt


def textures(count, size, seed=0):
    """(count, *size, 3) uint8 RGB: blobs of colour of several sizes."""
    random = np.random.default_rng(seed)
    layers = [random.normal(0, 50, (count, n, n, 3)) for n in (4, 9, 30)]
    large = [[cv2.resize(one, size[::-1], interpolation=cv2.INTER_CUBIC) for one in layer] for layer in layers]
    return np.clip(np.sum(large, 0) + 128, 0, 255).astype(np.uint8)


def checkpoint(name, path, classes=None, seed=0):
    """Write the state dict of torchvision's own ``name`` to ``path``; returns that network, in evaluation mode."""
    card = get_card(name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = card.build(classes or card.classes).eval()
        for key, module in net.named_modules():
            # Regions are to keep to their anchors: far off, they would be cut to nothing at the picture's edge.
            if isinstance(module, torch.nn.Conv2d) and not key.startswith("rpn"):
                torch.nn.init.kaiming_normal_(module.weight, mode="fan_in")
    whole = card.task.wrap(net)
    norms = [module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
        norm.train()
    mean, std = (torch.tensor(values).view(3, 1, 1) for values in (card.mean, card.std))
    x = (torch.from_numpy(textures(4, (320, 320), seed=9)).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.no_grad():
        whole(x)
        for norm in norms:
            norm.eval().running_var.clamp_(min=0.1)  # a channel without life in these pictures may have it in others
        if card.task.many:
            numbers = card.task._rows(whole(x).numpy().reshape(-1), classes or card.classes)
            spread = float(numbers[:, : classes or card.classes].std())
            ssd = getattr(net, "head", None)
            heads = (
                [one[1] for one in ssd.classification_head.module_list]
                if ssd
                else [net.roi_heads.box_predictor.cls_score]
            )
            for head in heads:
                head.weight.mul_(SPREAD / spread)
    torch.save(net.state_dict(), path)
    return net.eval().requires_grad_(False)
