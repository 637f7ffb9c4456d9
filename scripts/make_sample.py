"""Film the sample clip: three public-domain photographs under a moving virtual camera, with a soft chord for each.

The photographs come with scikit-image, so nothing is downloaded; recordings/README.md names their authors. The same
versions of PyAV, OpenCV and NumPy write the same film.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import skimage.data
from numpy.typing import NDArray

from livecam._av import av

HEIGHT, WIDTH = 720, 1280
FPS = 30
SCENE_FRAMES = 100  # three scenes: 10 s, cuts at frames 100 and 200
SAMPLE_RATE = 48_000
LOUDNESS = 0.25  # of the peak, in [0, 1]: it is background
UPSAMPLING = 4  # the camera then always looks at more pixels than it shows, so that no frame is blocky or aliases
CREDITS = "Chelsea the cat: Stefan van der Walt. Camera: Lav Varshney. Coffee: Rachel Michetti. All CC0."


class View(NamedTuple):
    """What the camera sees: centre (x, y) as fractions of the photograph, width as a fraction of its width."""

    x: float
    y: float
    width: float


class Scene(NamedTuple):
    """A photograph of skimage.data, a move of the camera over it, and a chord in Hz."""

    photograph: str
    start: View
    end: View
    chord: tuple[float, ...]


SCENES = (
    Scene("cat", View(0.42, 0.57, 0.70), View(0.47, 0.54, 0.86), (130.81, 196.00, 261.63, 329.63, 493.88)),
    Scene("camera", View(0.57, 0.62, 0.76), View(0.50, 0.42, 0.99), (110.00, 164.81, 261.63, 329.63, 392.00)),
    Scene("coffee", View(0.51, 0.44, 0.97), View(0.49, 0.32, 0.68), (87.31, 174.61, 220.00, 261.63, 329.63)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", dest="out", type=Path, default=Path("recordings/sample.mp4"), help="default: %(default)s")
    out: Path = parser.parse_args().out
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".sample-") as folder:
        film = Path(folder) / out.name
        write(film, pictures(), sound())
        film.replace(out)


def pictures() -> Iterator[NDArray[np.uint8]]:
    """Every frame of the clip, (720, 1280, 3) uint8 RGB."""
    for scene in SCENES:
        photograph = develop(getattr(skimage.data, scene.photograph)())
        for frame in range(SCENE_FRAMES):
            yield shoot(photograph, move(scene, frame / (SCENE_FRAMES - 1)))


def develop(photograph: NDArray[np.uint8]) -> NDArray[np.float32]:
    """A small photograph, (H, W) or (H, W, 3) uint8, made fit for close-ups: (4H, 4W, 3) float32 RGB in [0, 255]."""
    rgb = photograph if photograph.ndim == 3 else cv2.cvtColor(photograph, cv2.COLOR_GRAY2RGB)
    calm = cv2.bilateralFilter(rgb.astype(np.float32), d=5, sigmaColor=10, sigmaSpace=1.5)
    large = cv2.resize(calm, None, fx=UPSAMPLING, fy=UPSAMPLING, interpolation=cv2.INTER_LANCZOS4)
    soft = cv2.GaussianBlur(large, (0, 0), sigmaX=UPSAMPLING)
    return np.clip(large + 0.6 * (large - soft), 0, 255)


def move(scene: Scene, time: float) -> View:
    """The view at ``time`` in [0, 1]: eased in and out; the width changes by ratios, as a steady zoom does."""
    ease = (1 - np.cos(np.pi * time)) / 2
    (x0, y0, w0), (x1, y1, w1) = scene.start, scene.end
    return View(x0 + (x1 - x0) * ease, y0 + (y1 - y0) * ease, w0 * (w1 / w0) ** ease)


def shoot(photograph: NDArray[np.float32], view: View) -> NDArray[np.uint8]:
    """The (720, 1280, 3) uint8 frame that ``view`` shows; a view that reaches over the edge is an error."""
    height, width = photograph.shape[:2]
    step = view.width * width / WIDTH
    left, top = view.x * width - step * WIDTH / 2, view.y * height - step * HEIGHT / 2
    if min(left, top) < 0 or left + step * WIDTH > width or top + step * HEIGHT > height:
        raise ValueError(f"{view} reaches over the edge of a photograph of {width} × {height}")
    # Pixel (j, i) of the frame is centred at (j + ½, i + ½) steps, and OpenCV counts from pixels' centres.
    to_photograph = np.array([[step, 0, left + step / 2 - 0.5], [0, step, top + step / 2 - 0.5]])
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    frame = cv2.warpAffine(photograph, to_photograph, (WIDTH, HEIGHT), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.clip(np.rint(frame), 0, 255).astype(np.uint8)


def sound() -> NDArray[np.float32]:
    """The whole sound, (2, samples) float32 in [-1, 1]: a chord per scene, which rings over the next cut."""
    scene_s, swell_s, ring_s, fade_s = SCENE_FRAMES / FPS, 0.08, 0.35, 1.0
    time_s = np.arange(len(SCENES) * SCENE_FRAMES * SAMPLE_RATE // FPS) / SAMPLE_RATE
    mix = np.zeros((2, len(time_s)))
    for index, scene in enumerate(SCENES):
        since_s = time_s - index * scene_s
        ramp = np.clip(since_s / swell_s, 0, 1) * np.clip((scene_s + ring_s - since_s) / ring_s, 0, 1)
        envelope = np.sin(np.pi / 2 * ramp) ** 2 * np.exp(-np.clip(since_s, 0, None) / 4)
        for note, hertz in enumerate(scene.chord):
            gains = (0.2, 0.8) if note % 2 else (0.8, 0.2)  # notes take turns between left and right
            for channel, gain in enumerate(gains):
                harmonics = (np.sin(2 * np.pi * hertz * k * since_s + note + channel) / k**3 for k in (1, 2, 3))
                mix[channel] += gain * envelope * sum(harmonics)
    mix *= LOUDNESS / np.abs(mix).max() * np.clip((time_s[-1] - time_s) / fade_s, 0, 1)
    return mix.astype(np.float32)


def write(path: Path, frames: Iterator[NDArray[np.uint8]], samples: NDArray[np.float32]) -> None:
    """An MP4 that browsers play while it loads: H.264 High in BT.709, AAC stereo."""
    with av.open(path, "w", format="mp4", options={"movflags": "faststart"}) as container:
        container.metadata.update(title="livecam sample", comment=CREDITS)
        options = {"crf": "19", "preset": "slower", "profile": "high", "g": str(2 * FPS)}
        options["threads"] = "1"  # the bytes depend on the number of threads
        video = container.add_stream("libx264", rate=FPS, options=options)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        tags = video.codec_context
        tags.colorspace = tags.color_primaries = tags.color_trc = 1  # BT.709
        tags.color_range = 1  # limited
        audio = container.add_stream("aac", rate=SAMPLE_RATE, layout="stereo", bit_rate=128_000)
        per_frame = SAMPLE_RATE // FPS
        for index, rgb in enumerate(frames):
            picture = av.VideoFrame.from_ndarray(rgb, format="rgb24")
            picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709", interpolation="LANCZOS")
            picture.pts, picture.time_base = index, Fraction(1, FPS)
            container.mux(video.encode(picture))
            chunk = np.ascontiguousarray(samples[:, index * per_frame : (index + 1) * per_frame])
            tone = av.AudioFrame.from_ndarray(chunk, format="fltp", layout="stereo")
            tone.sample_rate, tone.pts, tone.time_base = SAMPLE_RATE, index * per_frame, Fraction(1, SAMPLE_RATE)
            container.mux(audio.encode(tone))
        container.mux(video.encode())
        container.mux(audio.encode())


if __name__ == "__main__":
    main()
