# %% [markdown]
# # From a webcam to a report
#
# Run it as a whole, `python docs/tutorial.py`, or cell by cell in an editor that knows `# %%`. It needs no network and
# no camera: where there is none, it takes the clip that comes with the repository, so run it from the repository's
# folder. Everything that it makes lands in `recordings/tutorial/`.

# %%
import json
import os
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from livecam import (
    Explainer,
    Pipeline,
    Question,
    RunInfo,
    SinkOptions,
    Smoother,
    SourceError,
    SourceOptions,
    open_sink,
    open_source,
)
from livecam.evaluation.faithfulness import deletion
from livecam.overlay import Painter, blend
from livecam.report import make_report

CAMERA = os.environ.get("TUTORIAL_SOURCE", "0")  # also a file, rtsp://..., test://
CLIP = "recordings/sample.mp4"
FRAMES = 30
OUT = Path("recordings/tutorial")
OUT.mkdir(parents=True, exist_ok=True)


def say(*words: object) -> None:
    print(*words)  # noqa: T201


def keep(name: str, image: np.ndarray) -> None:
    """Write a picture, (H, W, 3) uint8 RGB; OpenCV wants BGR."""
    cv2.imwrite(str(OUT / name), image[..., ::-1])
    say("→", OUT / name)


# %% [markdown]
# ## A source
#
# A string names where pictures come from. A camera gives the picture of now; of the clip we take one second, in which
# a tripod gives way to an espresso.


# %%
def open_pictures():
    try:
        return open_source(CAMERA)
    except SourceError as error:
        say(f"{error}\nso the clip is taken: {CLIP}")
        return open_source(CLIP, SourceOptions(start_s=6.2, duration_s=1.0))


with open_pictures() as source:
    say(source.info.name, f"{source.info.width}×{source.info.height}", "live" if source.info.live else "a recording")
    frame = source.read()
image = frame.image  # (H, W, 3) uint8 RGB
keep("1_picture.png", image)

# %% [markdown]
# ## What the network sees, and where it looks
#
# The default network's weights are installed with livecam. The first picture of a shape takes seconds (the network is
# compiled for it, and kept), the next ones milliseconds.

# %%
explainer = Explainer()
explanation = explainer.explain(image)
for one in explanation.top:
    say(f"{one.score:6.1%}  {one.label}")
say(f"{explainer.method} at {explanation.target_layer}, in {explanation.seconds * 1000:.0f} ms")

# %% [markdown]
# ## The map
#
# `cam` is as small as the layer that it was made at; `heatmap` is as large as you ask, here along the picture's edges.
# `blend` lays it over; a `Painter` also writes the classes, as the command line does.

# %%
heat = explanation.heatmap(image.shape[:2], guide=image)
say(f"cam {explanation.cam.shape}, heatmap {heat.shape}, {heat.min():.2f} to {heat.max():.2f}")
keep("2_heat.png", blend(image, heat))
keep("3_painted.png", Painter().paint(image, explanation))

# %% [markdown]
# ## Why this, and not that?
#
# The map of a contrast shows what speaks for the class rather than for its rival.

# %%
contrast = explainer.explain(image, question=Question(against="runner-up"))
say(f"why {contrast.target.label!r} and not {contrast.against.label!r}")
keep("4_contrast.png", Painter().paint(image, contrast))

# %% [markdown]
# ## Other methods
#
# An explainer has one method, and a question may ask for another. `random` knows nothing: a method that looks like it
# has nothing to say either.

# %%
names = [name for name in ("gradcam", "layercam", "eigencam", "random") if name in explainer.methods]
small = cv2.resize(image, (480, 480 * image.shape[0] // image.shape[1]), interpolation=cv2.INTER_AREA)
maps = {name: explainer.explain(image, question=Question(method=name)) for name in names}
shown = [blend(small, one.heatmap(small.shape[:2], guide=small)) for one in maps.values()]
keep("5_methods.png", np.hstack(shown))
say("from the left:", ", ".join(names))

# %% [markdown]
# ## Does the map tell the truth?
#
# Hide its hottest quarter and classify again; then hide as much where the map is cold. A true map matters, a cold spot
# hardly does. Deletion asks the same pixel by pixel: a smaller area under its curve is better, and the map of
# the random method is what nothing is worth.

# %%
check = explainer.check(image, explanation)
if check:
    say(f"{check.before:.1%} as it is, {check.after:.1%} without the hot part, {check.control:.1%} without a cold one")

picture, _ = explainer.seen(image)  # what the network is given
size, empty = picture.shape[:2], (127.5, 127.5, 127.5)


def probability(pictures: np.ndarray) -> np.ndarray:
    return explainer.scores(pictures)[:, explanation.class_idx]


for name in ("gradcam", "random"):
    curve = deletion(probability, picture, maps[name].heatmap(size), empty, steps=16)
    say(f"{name}: deletion {curve.auc:.3f}")

# %% [markdown]
# ## A recording
#
# The pipeline reads, explains, smooths and draws; the loop is yours. A camera's pictures come when they come; a
# recording is explained frame by frame. Beside the recording goes a sidecar, which has the classes and the map
# of every frame.

# %%
recording, sidecar = OUT / "tutorial.mp4", OUT / "tutorial.mp4.jsonl"
with open_pictures() as source:
    run = RunInfo(source.info, explainer.model, explainer.method, explainer.target_layer, len(explainer.labels))
    options = SinkOptions(live=source.info.live, force=True, decode_errors=lambda: source.decode_errors)
    with (
        open_sink(str(recording), options, run) as video,
        open_sink(str(sidecar), options, run) as figures,
        Pipeline(source, explainer, smoother=Smoother(0.35), max_frames=FRAMES) as pipeline,
    ):
        for annotated in pipeline:
            video.write(annotated)
            figures.write(annotated)
        say(f"{pipeline.state()['frames_out']} frames → {recording}")

with sidecar.open(encoding="utf-8") as lines:
    frames = [line for line in map(json.loads, lines) if line["type"] == "frame"]
for line in islice(frames, 0, None, 10):
    say(f"{line['pts']:7.2f} s  {line['label']}")

# %% [markdown]
# ## A report
#
# One HTML file that needs nothing else: the classes over time, key frames, frames worth a look.

# %%
page = OUT / "tutorial.html"
page.write_text(make_report(sidecar), encoding="utf-8")
say("open", page.resolve())
explainer.close()
