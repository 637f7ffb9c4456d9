"""Planes go into a recording as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sink_helpers import annotated, run
from yuv_oracle import KINDS, scene, to_planes, to_rgb

from livecam._av import av
from livecam.planes import CODES, Planes
from livecam.sinks import SinkOptions
from livecam.sinks.images import encode
from livecam.sinks.video import VideoSink

BEST = SinkOptions(crf=1)


def recorded(path: Path) -> tuple[tuple[int, ...], list[np.ndarray]]:
    """Tags (primaries, transfer, matrix, range), and every picture as (3/2 H, W) uint8 planes."""
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        frames = [frame.to_ndarray() for frame in container.decode(video=0)]
        return (context.color_primaries, context.color_trc, context.colorspace, context.color_range), frames


def stacked(planes: Planes) -> np.ndarray:
    return np.concatenate([planes.y.ravel(), planes.u.ravel(), planes.v.ravel()]).reshape(-1, planes.shape[1])


@pytest.mark.parametrize(("matrix", "full"), KINDS)
@pytest.mark.parametrize("size", [(48, 64), (50, 62)])
def test_planes_are_recorded_in_their_own_matrix(
    matrix: str, full: bool, size: tuple[int, int], tmp_path: Path
) -> None:
    with VideoSink(tmp_path / "a.mp4", BEST, run()) as sink:
        for number in range(3):
            sink.write(annotated(number, image=to_planes(scene(size, number), matrix, full)))
    tags, frames = recorded(tmp_path / "a.mp4")
    assert tags == (*[CODES[matrix]] * 3, 1)  # limited range, always
    for number, frame in enumerate(frames):
        error = np.abs(frame.astype(int) - stacked(to_planes(scene(size, number), matrix)))
        assert error.mean() < 1
        assert error.max() <= 5  # of the encoder


@pytest.mark.parametrize("first", ["bt709", "bt601"])
def test_a_recording_has_one_matrix(first: str, tmp_path: Path) -> None:
    """Pictures of another kind are converted to that of the first."""
    image, other = scene((48, 64)), {"bt709": "bt601", "bt601": "bt709"}[first]
    with VideoSink(tmp_path / "a.mp4", BEST, run()) as sink:
        for number, kind in enumerate((to_planes(image, first), image, to_planes(image, other))):
            sink.write(annotated(number, image=kind))
    tags, frames = recorded(tmp_path / "a.mp4")
    assert tags[2] == CODES[first]
    wanted = to_rgb(to_planes(image, first))
    for frame in frames:
        y, u, v = (part.reshape(-1) for part in np.split(frame.reshape(-1), [48 * 64, 48 * 64 * 5 // 4]))
        planes = Planes(y.reshape(48, 64), u.reshape(24, 32), v.reshape(24, 32), first)  # type: ignore[arg-type]
        assert np.abs(to_rgb(planes) - wanted).mean() < 3


def test_other_sinks_see_rgb() -> None:
    planes = to_planes(scene())
    one = annotated(0, image=planes)
    assert one.image is planes.rgb
    assert one.frame.image is planes.rgb
    assert encode(Path("a.png"), one.image)
