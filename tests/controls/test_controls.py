"""Actions: whatever comes, the View stays one that can be shown."""

import math
import random
import threading
from dataclasses import fields, replace

import numpy as np
import pytest

from livecam.controls import ACTIONS, KEYS, RUNNER_UP, Choices, Controls, View
from livecam.errors import ConfigError
from livecam.types import AnnotatedFrame, Explanation, Frame

CHOICES = Choices(
    colormaps=("inferno", "viridis", "gray"),
    methods=("gradcam", "layercam"),
    classes=1000,
    colormap="viridis",
    method="gradcam",
    alpha=0.5,
    recording=True,
    tiles=((0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0)),
)
NONSENSE = [
    *(math.nan, math.inf, -1, 6, 1000, 10**400, 0.5 + 1j, -0.1, 1.1, "", "yes", "\x00", "x" * 10**5, b"on", object()),
    *([], [0.5], [0.5, 0.5, 0.5], [0.5, math.nan], [True, False], ["0", "1"], [[0, 0], 1], {}, {"x": 0.1, "y": 0.2}),
]
WELL = {
    "pause": [None, True, False],
    "step": [None],
    "snapshot": [None],
    "record": [None, True, False],
    "explain": [1, 2, 3, 4, 5],
    "lock": [None, "off", 0, 999],
    "contrast": [None, "off", RUNNER_UP, 0, 999],
    "spot": [None, "off", [0, 1], (0.25, 0.75)],
    "method": [None, "layercam"],
    "smooth": [None, True, False],
    "hud": [None, "full", "compact", "off"],
    "mirror": [None, True, False],
    "colormap": [None, "gray"],
    "opacity": ["-", "+", 0, 1, 0.3],
    "quality": ["-", "+", "auto", 0, 3],
    "enlarge": [None, "off", 0, 1, [0, 1], (0.25, 0.75)],
    "help": [None, True, False],
}


def shown(class_idx=285, level=0):
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0, 0.0)
    cam = np.zeros((2, 2), np.float32)
    return AnnotatedFrame(frame, frame.picture, Explanation(0, class_idx, (), cam, 1.0, "m", "l", 0.0), 0, level)


def controls(**changes):
    one = Controls(choices=replace(CHOICES, **changes))
    one.observe(shown())
    return one


def valid(view):
    """What whoever draws and explains may rely on."""
    assert all(isinstance(getattr(view, name), bool) for name in ("paused", "mirror", "smooth", "recording", "help"))
    assert view.hud in ("full", "compact", "off")
    assert view.colormap in (None, *CHOICES.colormaps)
    assert view.method in (None, *CHOICES.methods)
    assert view.alpha is None or (type(view.alpha) is float and 0 <= view.alpha <= 1)
    assert view.quality is None or (type(view.quality) is int and 0 <= view.quality <= 3)
    assert type(view.rank) is int and 1 <= view.rank <= 5
    assert view.enlarged in (None, 0, 1)
    assert view.locked is None or (type(view.locked) is int and 0 <= view.locked < 1000)
    assert view.against in (None, RUNNER_UP) or (type(view.against) is int and 0 <= view.against < 1000)
    assert view.spot is None or (len(view.spot) == 2 and all(type(v) is float and 0 <= v <= 1 for v in view.spot))


def test_the_table_of_this_test_is_complete():
    assert set(WELL) == {name for name in ACTIONS if not ACTIONS.get(name).local}


@pytest.mark.parametrize("seed", range(20))
def test_any_sequence_gives_a_view_that_can_be_shown(seed):
    rng, one = random.Random(seed), controls()
    for _ in range(300):
        before = one.view
        roll = rng.random()
        if roll < 0.4:
            name = rng.choice(list(WELL))
            assert one.act(name, rng.choice(WELL[name])) is one.view
        elif roll < 0.7:
            assert one.press(rng.choice(list(KEYS))).name in ACTIONS
        else:
            try:
                one.act(rng.choice([*ACTIONS, "unpause", 3, None]), rng.choice(NONSENSE))
            except ConfigError:
                assert one.view == before
        valid(one.view)


def hostile():
    for name in [*ACTIONS, "unpause", "", "pause ", None, 3, b"pause"]:
        for value in NONSENSE:
            if (name, value) not in [("lock", 6), ("contrast", 6)]:  # that is a class
                yield name, value


def test_nonsense_changes_nothing_and_is_one_line():
    one = controls()
    before = one.view
    for name, value in hostile():
        with pytest.raises(ConfigError) as told:
            one.act(name, value)
        assert one.view == before
        assert not any(one.take(event) for event in ("step", "snapshot", "quit"))
        assert len(str(told.value)) < 400
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("key", "field", "values"),
    [
        (" ", "paused", [True, False]),
        ("m", "mirror", [True, False]),
        ("t", "smooth", [False, True]),
        ("h", "help", [True, False]),
        ("r", "recording", [False, True]),
        ("i", "hud", ["compact", "off", "full"]),
        ("c", "colormap", ["gray", "inferno", "viridis"]),  # from the one in use
        ("n", "method", ["layercam", "gradcam"]),
        ("]", "alpha", [0.6, 0.7, 0.8, 0.9, 1.0, 1.0]),
        ("[", "alpha", [0.4, 0.3, 0.2, 0.1, 0.0, 0.0]),
        ("-", "quality", [1, 2, 3, 3]),
        ("=", "quality", [0, 0]),
        ("l", "locked", [285, None]),
        ("v", "against", [RUNNER_UP, None]),
        ("4", "rank", [4, 4]),
    ],
)
def test_keys(key, field, values):
    one = controls()
    found = []
    for _ in values:
        one.press(key)
        found.append(getattr(one.view, field))
    assert found == values
    untouched = [other.name for other in fields(View) if other.name != field]
    assert all(getattr(one.view, name) == getattr(View(), name) for name in untouched)


def test_no_key_stands_for_two_actions():
    keys = [key for name in ACTIONS for key in ACTIONS.get(name).keys]
    assert len(keys) == len(set(keys)) == len(KEYS)


def test_quality_goes_on_from_the_level_in_use():
    one = controls()
    one.observe(shown(level=2))
    assert one.press("-") and one.view.quality == 3
    assert one.press("a") and one.view.quality is None
    assert one.press("=") and one.view.quality == 1


def test_another_rank_lets_a_locked_class_go():
    one = controls()
    one.press("l")
    assert one.act("explain", 2) == View(rank=2)


def test_lock_takes_what_the_viewer_sees():
    one = controls()
    one.observe(shown(7))
    assert one.act("lock").locked == 7
    one.observe(shown(8))
    assert one.view.locked == 7


def test_before_the_first_explanation_there_is_nothing_to_lock():
    with pytest.raises(ConfigError, match="no class is explained yet"):
        Controls(choices=CHOICES).act("lock")


def test_a_class_cannot_be_named_where_none_are_known():
    one = Controls()
    with pytest.raises(ConfigError, match="not known"):
        one.act("lock", 3)
    with pytest.raises(ConfigError, match="nothing to choose from"):
        one.act("method")


def test_few_classes_have_few_ranks():
    with pytest.raises(ConfigError, match="from 1 to 3"):
        controls(classes=3).act("explain", 4)


def test_events_are_counted_and_taken_once():
    one = controls()
    assert one.take("step") == 0
    for key in "..s":
        one.press(key)
    assert one.view.paused  # a step from a running picture stops it
    assert (one.take("step"), one.take("step"), one.take("snapshot"), one.take("quit")) == (2, 0, 1, 0)
    assert one.press("\x1b").name == "quit"
    assert one.take("quit") == 1


@pytest.mark.parametrize("name", ["quit", "fullscreen"])
def test_a_browser_neither_ends_it_nor_fills_the_screen(name):
    one = controls()
    with pytest.raises(ConfigError, match="not allowed here"):
        one.act(name)
    assert one.take("quit") == 0


def test_what_a_run_forbids_is_neither_done_nor_offered():
    one = controls(forbidden=frozenset({"snapshot", "record"}))
    for act in (lambda: one.act("snapshot"), lambda: one.press("s"), lambda: one.press("r")):
        with pytest.raises(ConfigError, match="not allowed here"):
            act()
    assert (one.take("snapshot"), one.view) == (0, View())
    assert {"snapshot", "record"}.isdisjoint(action.name for action in one.offered())


def test_nothing_is_recorded_without_a_recorder():
    one = controls(recording=False)
    assert not one.recording
    with pytest.raises(ConfigError, match="nothing to record into"):
        one.press("r")
    assert "record" not in [action.name for action in one.offered()]
    recorder = controls()
    assert recorder.recording
    recorder.press("r")
    assert not recorder.recording


def test_every_offered_action_has_words_that_fit():
    assert all(0 < len(action.words) <= 30 for action in controls().offered())
    assert controls().press("z") is None


def test_threads_lose_no_event():
    one = controls()
    threads = [threading.Thread(target=lambda: [one.act("step") for _ in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert one.take("step") == 2000


def test_news_is_told():
    one = controls()
    assert one.news == ""
    one.tell("kept")
    assert one.news == "kept"
