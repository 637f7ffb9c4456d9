"""What is asked of a wall is meant for the enlarged camera, or for all."""

from dataclasses import replace

import numpy as np
import pytest

from livecam.controls import Choices, View
from livecam.controls.wall import WallControls
from livecam.errors import ConfigError
from livecam.types import AnnotatedFrame, Explanation, Frame

TILES = ((0.0, 0.0, 0.5, 0.5), (0.0, 0.5, 0.5, 1.0), (0.5, 0.25, 1.0, 0.75))
WHOLE = ((0.1, 0.0, 1.0, 1.0), (0.1, 0.2, 1.0, 0.8), (0.0, 0.0, 1.0, 1.0))


@pytest.fixture
def wall():
    one = WallControls(3, choices=Choices(colormaps=("turbo", "gray"), methods=("gradcam", "layercam"), classes=1000))
    one.arranged(TILES, WHOLE)
    return one


def explains(camera, class_idx):
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0, 0.0)
    made = Explanation(0, class_idx, (), np.zeros((2, 2), np.float32), 1.0, "m", "l", 0.0)
    camera.observe(AnnotatedFrame(frame, frame.picture, made, 0))


def test_all_cameras_do_the_same_even_if_they_differed(wall):
    wall.act("enlarge", 1)
    wall.act("mirror")
    assert [camera.view.mirror for camera in wall.cameras] == [False, True, False]
    wall.act("enlarge", "off")
    wall.act("mirror")
    assert [camera.view.mirror for camera in wall.cameras] == [True, True, True]
    wall.act("opacity", "+")
    wall.press("n")
    assert {camera.view.alpha for camera in wall.cameras} == {0.6}
    assert len({camera.view.method for camera in wall.cameras}) == 1


def test_the_view_is_that_of_the_enlarged_camera(wall):
    wall.act("hud", "off")
    wall.act("enlarge", 2)
    wall.act("colormap", "gray")
    wall.press("h")
    assert wall.view == replace(wall.cameras[2].view, enlarged=2, help=True)
    assert wall.view is wall.view  # who watches it sees that nothing has changed
    assert wall.view.colormap == "gray" and wall.view.hud == "off"
    wall.act("enlarge", "off")
    assert wall.view == View(hud="off", help=True)
    assert [camera.view.colormap for camera in wall.cameras] == [None, None, "gray"]


def test_each_camera_holds_on_to_its_own_class(wall):
    with pytest.raises(ConfigError, match="no class is explained yet"):
        wall.act("lock")
    explains(wall.cameras[0], 7)
    explains(wall.cameras[1], 8)
    wall.act("lock")
    assert [camera.view.locked for camera in wall.cameras] == [7, 8, None]
    wall.act("lock")
    assert [camera.view.locked for camera in wall.cameras] == [None] * 3
    wall.act("enlarge", 1)
    wall.act("lock")
    assert [camera.view.locked for camera in wall.cameras] == [None, 8, None]


def test_a_step_is_one_of_every_camera(wall):
    wall.act("step")
    assert wall.view.paused and all(camera.view.paused and camera.take("step") for camera in wall.cameras)
    wall.act("pause")
    assert not any(camera.view.paused for camera in wall.cameras)


@pytest.mark.parametrize(("point", "number"), [([0.1, 0.1], 0), ([0.9, 0.4], 1), ((0.5, 0.9), 2), ([0.05, 0.9], None)])
def test_a_point_enlarges_what_lies_there(wall, point, number):
    assert wall.act("enlarge", point).enlarged == number


def test_a_key_goes_through_the_cameras_and_back(wall):
    seen = []
    for _ in range(5):
        wall.press("e")
        seen.append(wall.view.enlarged)
    assert seen == [0, 1, 2, None, 0]
    wall.press("w")
    assert wall.view.enlarged is None


def test_a_spot_is_one_of_the_enlarged_picture(wall):
    with pytest.raises(ConfigError, match="enlarge a camera first"):
        wall.act("spot", [0.5, 0.5])
    wall.act("enlarge", 1)
    wall.act("spot", [0.5, 0.55])
    assert wall.cameras[1].view.spot == pytest.approx((0.5, 0.5))
    wall.act("spot", [0.1, 0.5])  # beside the picture
    assert wall.cameras[1].view.spot is None
    before = wall.view
    for nonsense in ([True, False], ["0", 1], [0.5], [float("nan"), 0.5], [2, 0.5], {}):
        with pytest.raises(ConfigError):
            wall.act("spot", nonsense)
        assert wall.view == before


def test_nonsense_changes_no_camera(wall):
    for name, value in [("unpause", None), (3, None), (["enlarge"], None), ("enlarge", 3), ("mirror", "yes")]:
        with pytest.raises(ConfigError):
            wall.act(name, value)
    assert wall.view == View() and all(camera.view == View() for camera in wall.cameras)
    with pytest.raises(ConfigError, match="not allowed"):
        wall.act("quit")
    assert wall.press("q").name == "quit" and wall.take("quit") == 1


def test_what_code_changes_counts_for_all(wall):
    wall.change(hud="compact")
    assert wall.view.hud == "compact" and all(camera.view.hud == "compact" for camera in wall.cameras)
