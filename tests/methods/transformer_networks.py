"""Small transformers with seeded weights, and the same ones written out."""

from copy import deepcopy
from dataclasses import replace

import method_oracles as oracles
import timm
import torch
import torchvision
from torch import nn

from livecam.geometry import Accepts

CLASSES = 10
SIZE = (64, 96)  # of the pictures: 4 × 6 patches, no square


def vit():
    """timm's, with a class token, registers, and a position embedding that is interpolated."""
    return timm.models.vision_transformer.VisionTransformer(
        img_size=64, embed_dim=24, depth=3, num_heads=3, num_classes=CLASSES, dynamic_img_size=True, reg_tokens=2
    )


def pooled_vit():
    """timm's, without a class token: the patches are averaged."""
    return timm.models.vision_transformer.VisionTransformer(
        img_size=64, embed_dim=24, depth=2, num_heads=3, num_classes=CLASSES, dynamic_img_size=True,
        class_token=False, global_pool="avg",
    )  # fmt: skip


def torchvision_vit():
    """It takes squares of 64 only."""
    return torchvision.models.VisionTransformer(64, 16, 3, 3, 24, 96, num_classes=CLASSES)


def swin():
    return timm.models.swin_transformer.SwinTransformer(
        img_size=64, window_size=4, embed_dim=24, depths=(1, 2), num_heads=(2, 4), num_classes=CLASSES,
        dynamic_img_size=True,
    )  # fmt: skip


def torchvision_swin():
    return torchvision.models.SwinTransformer([4, 4], 24, [1, 2], [2, 4], [4, 4], num_classes=CLASSES)


def model(build):
    """Several parameters are 0 before training: nothing would come through."""
    torch.manual_seed(0)
    module = build()
    for parameter in module.parameters():
        parameter.data.normal_(float(parameter.ndim == 1), 0.2)
    accepts = Accepts(side=getattr(module, "image_size", None))
    return replace(oracles.loaded(module.eval().requires_grad_(False), CLASSES), accepts=accepts)


class Split(nn.Module):
    """Tokens (B, N, K), or (B, h, w, K), → (B, K, h, w)."""

    def __init__(self, prefix, grid):
        super().__init__()
        self.prefix, self.grid, self.rest = prefix, grid, None

    def forward(self, tokens):
        if tokens.ndim == 4:
            return tokens.permute(0, 3, 1, 2)
        self.rest = tokens[:, : self.prefix]
        patches = tokens[:, self.prefix :]
        rows = [patches[:, y * self.grid[1] : (y + 1) * self.grid[1]] for y in range(self.grid[0])]
        return torch.stack(rows, 2).permute(0, 3, 2, 1)


class Join(nn.Module):
    def __init__(self, split):
        super().__init__()
        self.split = split

    def forward(self, maps):
        if self.split.rest is None:
            return maps.permute(0, 2, 3, 1)
        rest = self.split.rest.expand(len(maps), -1, -1)
        return torch.cat([rest, *(maps[:, :, y].permute(0, 2, 1) for y in range(maps.shape[2]))], 1)


def as_maps(given, layer, prefix, grid):
    """The model with its target layer taken apart, so that a layer of its own gives (B, K, h, w), and its name."""
    module = deepcopy(given.module)
    parent = module.get_submodule(layer.rpartition(".")[0])
    split = Split(prefix, grid)
    setattr(
        parent, layer.rpartition(".")[2], nn.Sequential(getattr(parent, layer.rpartition(".")[2]), split, Join(split))
    )
    return oracles.loaded(module, CLASSES), f"{layer}.1"


class Written:
    """A Vision Transformer's blocks in float64, with attention written out, from timm's parts or torchvision's.

    logits: (B, C). scores, maps: of each block, (B, heads, N, N). tokens: behind each block.
    """

    def __init__(self, module, x):
        self.module = module = deepcopy(module).double()
        self.timm = hasattr(module, "blocks")
        self.scores, self.maps, self.tokens = [], [], []
        if self.timm:
            x = module.norm_pre(module._pos_embed(module.patch_embed(x)))
        else:
            x = module._process_input(x)
            x = torch.cat([module.class_token.expand(len(x), -1, -1), x], 1) + module.encoder.pos_embedding
        for block in module.blocks if self.timm else module.encoder.layers:
            x = self.block(block, x)
            self.tokens.append(x)
        self.logits = self.head(x)

    def block(self, block, x):
        norms = (block.norm1, block.norm2) if self.timm else (block.ln_1, block.ln_2)
        own = block.attn if self.timm else block.self_attention
        weight, bias = (own.qkv.weight, own.qkv.bias) if self.timm else (own.in_proj_weight, own.in_proj_bias)
        heads, out = (own.num_heads, own.proj) if self.timm else (own.num_heads, own.out_proj)
        q, k, v = (norms[0](x) @ weight.T + bias).tensor_split(3, 2)
        parts = []
        scores = []
        for one in range(heads):
            part = slice(one * q.shape[2] // heads, (one + 1) * q.shape[2] // heads)
            scores.append(q[:, :, part] @ k[:, :, part].mT / (part.stop - part.start) ** 0.5)
            parts.append(v[:, :, part])
        self.scores.append(torch.stack(scores, 1))
        powers = self.scores[-1].exp()
        maps = powers / powers.sum(3, keepdim=True)
        self.maps.append(maps if maps.requires_grad else maps.requires_grad_(True))
        mixed = torch.cat([self.maps[-1][:, one] @ part for one, part in enumerate(parts)], 2)
        x = x + mixed @ out.weight.T + out.bias
        return x + block.mlp(norms[1](x))

    def head(self, tokens):
        if not self.timm:
            return self.module.heads(self.module.encoder.ln(tokens)[:, 0])
        normed = self.module.norm(tokens)
        return self.module.head(
            self.module.fc_norm(normed[:, 0] if self.module.cls_token is not None else normed.mean(1))
        )
