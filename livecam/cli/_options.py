"""The flags that several verbs share. A flag that is not given is None: the environment or the file may set it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from livecam.config import Settings

F = TypeVar("F", bound=Callable[..., Any])

NETWORK = [
    click.option(
        "--model",
        metavar="NAME",
        help="A name of 'livecam models', timm/NAME, open_clip/NAME, FILE.onnx, or your own: package.module:factory "
        "(code: it is run), CARD.toml.  [efficientnet_lite0]",
    ),
    click.option("--weights", metavar="FILE", help="Your own checkpoint of that model, or random[:SEED]."),
    click.option("--labels", metavar="FILE", help="Names of the classes: a line each, or JSON."),
    click.option("--mean", metavar="R,G,B", help="Mean of the training pictures, RGB in [0, 1]."),
    click.option("--std", metavar="R,G,B", help="Their standard deviation."),
]
MODEL = [
    *NETWORK,
    click.option("--method", metavar="NAME", help="A name of 'livecam methods'.  [gradcam]"),
    click.option("--budget", metavar="N", help="Forward passes a frame, of a method that tries many inputs."),
    click.option(
        "--layer",
        metavar="NAME",
        help="Target layer, dotted name; found by itself if not given. Several are fused: a,b, or stages:3, "
        "the last layers of the last three resolutions.",
    ),
    click.option("--backend", metavar="NAME", help="auto, openvino, torch or onnxruntime.  [auto]"),
    click.option("--device", metavar="NAME", help="auto, cpu, cuda, cuda:1, mps.  [auto]"),
    click.option("--precision", metavar="NAME", help="auto, fast, float32, float16, bfloat16.  [auto]"),
    click.option("--threads", metavar="N", help="Threads of the engine on a CPU; annotate leaves half to the encoder."),
    click.option("--input", metavar="MODE", help="fit keeps the aspect ratio; squash; crop.  [fit]"),
    click.option(
        "--input-size", metavar="N", help="Short side of the network's input in pixels.  [224, or of the model]"
    ),
    click.option("--min-score", metavar="P", help="Probability from which a detector's box is shown.  [0.5]"),
    click.option(
        "--detail",
        metavar="NAME",
        help="plain; live: sharper, one pass; best: two.  [live; stills: best; annotate: plain]",
    ),
    click.option("--scales", metavar="S,S", help="Sizes of input to fuse, times --input-size: 1,1.4,2.  [of --detail]"),
    click.option("--scale-weights", metavar="W,W", help="Of each scale in the mean: 0.6,0.3,0.1.  [equal]"),
    click.option("--fuse", metavar="MODE", help="mean, max or product of the maps of scales and layers.  [mean]"),
    click.option("--upsample", metavar="MODE", help="bilinear, cubic, or guided by the picture.  [guided]"),
    click.option("--relu", metavar="MODE", help="Last step of a method: on, leaky or off.  [on]"),
    click.option("--normalise", metavar="MODE", help="What is hot: peak, percentile (99th), minmax or logit.  [peak]"),
    click.option(
        "--like",
        metavar="PICTURE",
        multiple=True,
        callback=lambda _context, _option, given: given or None,
        help="Explain what looks like this reference, instead of what it is; may be repeated.",
    ),
    click.option(
        "--like-text",
        metavar="TEXT",
        multiple=True,
        callback=lambda _context, _option, given: given or None,
        help="The same with words, for --model open_clip/NAME; several are compared with each other.",
    ),
    click.option("--class", "class_", metavar="NAME_OR_INDEX", help="Explain this class instead of the best one."),
    click.option("--top-k", metavar="K", help="Predictions shown.  [5]"),
]
LOOK = [
    click.option("--colormap", metavar="NAME", help="inferno, turbo, viridis, magma, plasma, cividis, jet, ..."),
    click.option("--alpha", metavar="A", help="Opacity of the hottest spot, above 0 to 1."),
    click.option("--blend", metavar="MODE", help="alpha or additive.  [alpha]"),
    click.option("--hud/--no-hud", default=None, help="Labels and status line in the picture.  [hud]"),
    click.option("--quality", metavar="Q", help="Heatmap at 1 (0), 1/2 (1), 1/4 (2), 1/8 (3) of the picture, or auto."),
]
STREAM = [
    click.option("--smooth", metavar="SECONDS", help="Time constant of the smoothing, or off.  [0.35]"),
    click.option("--max-frames", metavar="N", help="Stop after so many frames."),
    click.option("--codec", metavar="NAME", help="h264, h265, av1, vp9 or nvenc.  [h264]"),
    click.option("--crf", metavar="N", help="Constant quality of the encoder; lower is better."),
    click.option("--preset", metavar="NAME", help="Speed of the encoder, in its own words."),
]
BESIDE = [
    click.option(
        "--subtitles/--no-subtitles",
        default=None,
        help="The labels as subtitles: OUT.vtt, and a track and chapters in the recording.  [no-subtitles]",
    ),
    click.option("--heatmap-video", metavar="FILE", help="The heat alone, grey and without loss: .mkv, .mp4 or .mov."),
    click.option("--maps", metavar="FILE.npz", help="The maps as numbers, with time, class and peak."),
]
PART = [
    click.option("--start", metavar="TIME", help="Begin there: seconds, or 1:30."),
    click.option("--duration", metavar="TIME", help="So much of it."),
]
CAMERA = [
    click.option("--size", metavar="WxH", help="Ask the camera for this size."),
    click.option("--fps", metavar="N", help="Ask the camera for this rate."),
    click.option("--target-fps", metavar="N", help="Show at most so many frames a second."),
]
RECORD = [
    click.option(
        "--segment", metavar="TIME", help="Record into OUT-00001.mp4, OUT-00002.mp4, ..., of 90, 10m or 2h each."
    ),
    click.option("--quota", metavar="SIZE", help="Delete the oldest segments beyond this: 500M, 20G."),
    click.option("--keep-free", metavar="SIZE", help="Delete the oldest segments when less of the disk is free."),
]
FAULTS = [
    click.option(
        "--reconnect/--no-reconnect",
        default=None,
        help="Outlive a lost source.  [reconnect for cameras and live addresses]",
    ),
    click.option("--retry-delay", metavar="SECONDS", help="First try after so long, then doubled up to 30 s.  [1]"),
    click.option("--stall-timeout", metavar="SECONDS", help="A source silent for so long is opened anew.  [5]"),
]
REPORT = [
    click.option(
        "--config", "config_file", type=click.Path(path_type=Path), help="Settings as TOML, named as the flags."
    ),
    click.option("--json", "as_json", is_flag=True, help="The report as one JSON object on stdout."),
]


def flags(*groups: list[Callable[[F], F]]) -> Callable[[F], F]:
    """All options of the groups, in their order."""

    def decorate(function: F) -> F:
        for option in reversed([option for group in groups for option in group]):
            function = option(function)
        return function

    return decorate


def settings(config_file: Path | None, given: dict[str, Any]) -> Settings:
    """Resolve what was given on the command line with the file and the environment. Raises ConfigError."""
    from livecam.config import resolve

    named = {"class" if name == "class_" else name: value for name, value in given.items()}
    return resolve({name: value for name, value in named.items() if value is not None}, config_file)
