import numpy as np
import pytest

from livecam.idle import SIZE, Idle


def room(seed=0, noise=2.0):
    """A still room as its camera sees it."""
    random = np.random.default_rng(seed)
    scene = np.random.default_rng(7).integers(30, 220, SIZE[::-1])
    return np.clip(scene + random.normal(0, noise, scene.shape), 0, 255).astype(np.uint8)


def with_visitor(luma, column, width=4):
    changed = luma.copy()
    changed[6:, column : column + width] = 255 - changed[6:, column : column + width]
    return changed


def test_noise_is_no_motion_and_a_visitor_is():
    idle = Idle(60.0)
    seen = [idle.observe(room(second), float(second)) for second in range(70)]
    assert seen == [second >= 60 for second in range(70)]
    assert not idle.observe(with_visitor(room(70), 3), 70.0)
    assert idle.silent_s(75.0) == 5.0


@pytest.mark.parametrize("step", [-25, 25])
def test_light_that_changes_everywhere_is_no_motion(step):
    idle = Idle(1.0)
    scene = np.clip(room(noise=0), 30, 220)
    idle.observe(scene, 0.0)
    assert idle.observe((scene.astype(int) + step).astype(np.uint8), 1.0)


def test_somebody_slow_is_seen_though_successive_pictures_hardly_differ():
    idle, scene = Idle(2.0), np.tile(np.linspace(0, 248, 32), (18, 1))
    # The whole right half brightens by 2 levels a picture, at 30 pictures a second: 15 in the time that is compared.
    pictures = [scene.copy() for _ in range(120)]
    for number, picture in enumerate(pictures):
        picture[:, 24:] = (2 * number) % 200
    seen = [idle.observe(picture.astype(np.uint8), number / 30) for number, picture in enumerate(pictures)]
    assert not any(seen)


def test_one_flickering_lamp_is_nobody():
    idle, scene = Idle(1.0), room(noise=0)
    for number in range(60):
        lamp = scene.copy()
        lamp[4, 4:6] = 255 * (number % 2)
        seen = idle.observe(lamp, number / 30)
    assert seen


def test_before_the_first_picture_nobody_has_left():
    assert Idle(1.0).silent_s(1e6) == 0.0
