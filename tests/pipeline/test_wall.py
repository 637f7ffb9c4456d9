"""Several cameras: each by itself, whatever becomes of the others. Cameras and the network obey events."""

import threading
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from livecam.clock import ManualClock
from livecam.controls import Choices
from livecam.controls.wall import WallControls
from livecam.errors import ConfigError, ModelError, SourceLost
from livecam.explainer import Asked, Explainer
from livecam.health import State
from livecam.overlay import Painter, Style
from livecam.pipeline import Wall
from livecam.pipeline._wall import within
from livecam.sources import open_source
from livecam.types import Explanation, Frame, Prediction, Question, SourceInfo

WAIT_S = 20
SIZE = (96, 128)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    before = set(threading.enumerate())
    yield
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("livecam")]


class Camera:
    """All of its pictures are ``grey``. It gives one for each ``turn`` that is released; then it ends or is lost."""

    def __init__(self, clock, grey, *, pictures=1000, lost=False, size=SIZE, name="cam"):
        self.info = SourceInfo(f"{name}{grey}", size[1], size[0], 30.0, Fraction(1, 30), live=True)
        self.decode_errors, self.turn, self.closed = 0, threading.Semaphore(0), False
        self._clock, self._grey, self._size = clock, grey, size
        self._left, self._index, self._lost = pictures, 0, lost

    def read(self):
        self.turn.acquire()
        if self.closed:
            return None
        if self._index == self._left:
            if self._lost:
                raise SourceLost(f"{self.info.name}: the cable is out")
            return None
        index, self._index = self._index, self._index + 1
        return Frame(np.full((*self._size, 3), self._grey, np.uint8), index, index / 30, self._clock.now(), index, 1)

    def close(self):
        self.closed = True
        self.turn.release()


class Sees:
    """The class of a picture is its grey. ``together`` at a time; ``go``: None, or released for each pass."""

    title = "test"

    def __init__(self, together=1, go=None):
        self.together, self.go, self.passes, self.error = together, go, [], None
        self.busy = threading.Event()

    def explain(self, image, class_idx=None, *, choose=None, input_size=None, question=None):
        return self._pass([image])[0]

    def explain_together(self, asked):
        return self._pass([one.image for one in asked])

    def _pass(self, images):
        self.busy.set()
        if self.go is not None:
            assert self.go.acquire(timeout=WAIT_S)
        if self.error is not None:
            raise self.error
        self.passes.append([int(image[0, 0, 0]) for image in images])
        cam = np.ones((3, 4), np.float32)
        return [
            Explanation(0, grey, (Prediction(grey, str(grey), 0.5),), cam, 1.0, "m", "l", 0.0)
            for grey in self.passes[-1]
        ]


def plain(**options):
    return {"painter": Painter(Style(hud=False)), "quality": 0, "smooth_s": 0.0} | options


def until(wall, done):
    """The first picture of the wall of which ``done`` is true."""
    for count, annotated in enumerate(wall):
        if done():
            return annotated
        assert count < 100_000
    pytest.fail("the wall has ended")


def middle(wall, annotated, number):
    tile = wall._show.grid.tiles[number] if wall.controls.view.enlarged is None else wall._show.grid.whole[number]
    y0, x0, y1, x1 = tile.picture
    return annotated.image[(y0 + y1) // 2, (x0 + x1) // 2]


def test_each_camera_has_its_own_picture_and_its_own_explanation():
    clock = ManualClock()
    cameras = [Camera(clock, grey) for grey in (40, 120, 200)]
    with Wall(cameras, Sees(), clock=clock, **plain()) as wall:
        for camera in cameras:
            camera.turn.release()
        annotated = until(wall, lambda: all(one.shown and one.shown.explanation for one in wall.cameras))
        assert [one.shown.explanation.class_idx for one in wall.cameras] == [40, 120, 200]
        assert [one.shown.lag for one in wall.cameras] == [0, 0, 0]
        assert annotated.explanation is None
        assert annotated.image.shape == (wall.info.height, wall.info.width, 3)
        greys = [int(middle(wall, annotated, number)[2]) for number in range(3)]  # the heat is over each alike
        assert greys == sorted(greys) and len(set(greys)) == 3
        state = wall.state()
        assert [one["input"] for one in state["cameras"]] == ["cam40", "cam120", "cam200"]
        assert [one["explained"] for one in state["cameras"]] == [1, 1, 1]
        assert state["frames_in"] == state["explained"] == 3
    assert all(camera.closed for camera in cameras)


@pytest.mark.parametrize("lost", [True, False])
def test_the_others_go_on_when_one_is_over(lost):
    clock = ManualClock()
    dying, other = Camera(clock, 50, pictures=1, lost=lost), Camera(clock, 150)
    with Wall([dying, other], Sees(), clock=clock, **plain()) as wall:
        dying.turn.release()
        dying.turn.release()
        until(wall, lambda: wall.cameras[0].over)
        assert wall.cameras[0].health.state is (State.LOST if lost else State.ENDED)
        assert (wall.cameras[0].error is not None) is lost
        for number in range(5):
            other.turn.release()
            until(wall, lambda number=number: wall.cameras[1].index == number)
        began = clock.now()
        until(wall, lambda: clock.now() > began + 2)
        old = wall.cameras[0].shown
        assert old.explanation is None and not np.array_equal(old.image, dying_picture(old))  # NO SIGNAL
        cause = wall.state()["cameras"][0]["cause"]
        assert ("the cable is out" in cause) is lost


def dying_picture(annotated):
    return np.full_like(annotated.image, 50)


def test_one_that_hangs_holds_up_nobody_and_is_let_go():
    clock = ManualClock()
    hanging, other = Camera(clock, 50), Camera(clock, 150)
    with Wall([hanging, other], Sees(), clock=clock, **plain()) as wall:
        for number in range(5):
            other.turn.release()
            until(wall, lambda number=number: wall.cameras[1].index == number)
        assert wall.cameras[0].shown is None
        assert wall.state()["cameras"][0]["frames_in"] == 0


def test_the_wall_ends_with_the_last_camera():
    clock = ManualClock()
    cameras = [Camera(clock, 50, pictures=1, lost=True), Camera(clock, 150, pictures=2)]
    wall = Wall(cameras, Sees(), clock=clock, **plain())
    for camera in cameras:
        for _ in range(3):
            camera.turn.release()
    assert list(wall)
    assert wall.progress.complete


def test_a_wall_that_has_lost_all_cameras_says_so():
    clock = ManualClock()
    cameras = [Camera(clock, grey, pictures=0, lost=True) for grey in (50, 150)]
    for camera in cameras:
        camera.turn.release()
    with pytest.raises(SourceLost, match="cam50: the cable is out"):
        list(Wall(cameras, Sees(), clock=clock, **plain()))


def test_a_failure_of_the_network_is_the_callers():
    clock, sees = ManualClock(), Sees()
    sees.error = ModelError("the device is gone")
    cameras = [Camera(clock, grey) for grey in (50, 150)]
    cameras[1].turn.release()
    with pytest.raises(ModelError, match="the device is gone"):
        list(Wall(cameras, sees, clock=clock, **plain()))


def test_those_of_one_size_go_together_and_nobody_is_passed_over():
    clock, go = ManualClock(), threading.Semaphore(0)
    sees = Sees(together=8, go=go)
    cameras = [Camera(clock, 10), Camera(clock, 20, size=(64, 64)), Camera(clock, 30), Camera(clock, 40)]
    with Wall(cameras, sees, clock=clock, **plain()) as wall:
        for number, camera in enumerate(cameras):  # one after the other, while the network is busy with the first
            camera.turn.release()
            until(wall, lambda number=number: wall.cameras[number].index == 0)
            assert sees.busy.wait(WAIT_S)
        cameras[0].turn.release()
        until(wall, lambda: wall.cameras[0].index == 1)
        for _ in range(4):
            go.release()
        until(wall, lambda: wall.progress.explained == 5)
        assert sees.passes == [[10], [20], [30, 40, 10]]
        assert [one.run.progress.explained for one in wall.cameras] == [2, 1, 1, 1]


def test_the_enlarged_camera_has_the_wall_and_the_words():
    clock = ManualClock()
    cameras = [Camera(clock, 40), Camera(clock, 200)]
    controls = WallControls(2, choices=Choices(classes=1000))
    with Wall(cameras, Sees(), clock=clock, controls=controls, **plain()) as wall:
        for camera in cameras:
            camera.turn.release()
        small = until(wall, lambda: all(one.shown and one.shown.explanation for one in wall.cameras))
        controls.act("enlarge", [0.9, 0.5])
        large = next(wall)
        assert large.explanation.class_idx == 200
        assert large.image.shape == small.image.shape
        assert wall.cameras[1].shown.image.shape[0] > wall.cameras[0].shown.image.shape[0]
        cameras[0].turn.release()
        until(wall, lambda: wall.cameras[0].run.stats.dropped["not in view"])
        controls.act("lock")
        assert [one.run.controls.view.locked for one in wall.cameras] == [None, 200]
        controls.act("enlarge", "off")
        assert next(wall).explanation is None


def test_a_recording_gets_each_picture_once_and_later_than_the_last():
    clock = ManualClock()
    cameras = [Camera(clock, 40), Camera(clock, 200)]
    kept = {}
    with Wall(cameras, Sees(), clock=clock, **plain()) as wall:
        for number in range(6):
            cameras[number % 2].turn.release()
            annotated = until(wall, lambda number=number: wall.cameras[number % 2].index == number // 2)
            kept.setdefault(annotated.frame.index, annotated.frame)
            clock.advance(0.02)
            again = next(wall)
            assert again.frame.index == annotated.frame.index and again.frame.captured_at == annotated.frame.captured_at
    frames = [kept[index] for index in sorted(kept)]
    assert len(frames) == 6
    assert all(after.captured_at > before.captured_at for before, after in pairwise(frames))
    assert all(after.ticks > before.ticks for before, after in pairwise(frames))


def test_what_is_explained_of_a_part_is_explained_of_the_whole():
    made = Explanation(0, 1, (), np.ones((2, 2), np.float32), 1.0, "m", "l", 0.0, spot=(0.5, 1.0))
    one = within(made, (0.1, 0.2, 0.9, 0.6))
    assert one.region == pytest.approx((0.1, 0.2, 0.9, 0.6)) and one.spot == pytest.approx((0.4, 0.9))
    heat = one.heatmap((100, 100))
    assert heat[10:90, 20:60].min() > 0.9 and heat[:9].max() == heat[:, 61:].max() == 0


@pytest.mark.parametrize("options", [{"max_frames": 0}, {"controls": WallControls(2)}])
def test_what_makes_no_sense_is_refused(options):
    camera = Camera(ManualClock(), 1)
    with pytest.raises(ConfigError):
        Wall([camera], Sees(), **options)
    with pytest.raises(ConfigError, match="at least one"):
        Wall([], Sees())


@pytest.fixture(scope="module")
def explainer():
    """It takes pictures together."""
    with Explainer(backend="torch", input="squash", input_size=64, detail="plain") as one:
        yield one


def same(one, other):
    assert [found.class_idx for found in one.top] == [found.class_idx for found in other.top]
    assert one.class_idx == other.class_idx
    np.testing.assert_allclose([p.score for p in one.top], [p.score for p in other.top], atol=1e-5)
    np.testing.assert_allclose(one.cam, other.cam, atol=1e-4)
    assert one.peak == pytest.approx(other.peak, rel=1e-4)


def test_together_is_what_each_is_alone(explainer):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, (*size, 3), np.uint8) for size in [(60, 80), (60, 80), (48, 48), (60, 80), (60, 80)]]
    wishes = [{}, {"class_idx": 7}, {"choose": lambda scores: int(scores.argsort()[-3])}]
    wishes += [{"question": Question(rank=2)}, {"question": Question(against="runner-up"), "input_size": 96}]
    assert explainer.together > 1
    made = explainer.explain_together([Asked(image, **asked) for image, asked in zip(images, wishes, strict=True)])
    for one, image, asked in zip(made, images, wishes, strict=True):
        same(one, explainer.explain(image, **asked))
    assert made[1].class_idx == 7 and made[4].against is not None


def test_with_real_parts_maps_are_those_of_single_pictures(explainer):
    specs = [f"test://?size={size}&fps=2&seed={seed}" for seed, size in enumerate(("80x60", "80x60", "48x48"))]
    with Wall([open_source(spec) for spec in specs], explainer, check=True, target_fps=20, **plain()) as wall:
        until(wall, lambda: all(one.shown and one.shown.lag == 0 for one in wall.cameras))
        made = [one.shown for one in wall.cameras]
    for shown in made:
        same(shown.explanation, explainer.explain(shown.frame.picture))
