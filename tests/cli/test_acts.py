"""What the loop does with what the viewer asks for."""

import threading
from fractions import Fraction

import cv2
import numpy as np
import pytest

from livecam.cli._acts import Acts, make_controls
from livecam.config import Settings
from livecam.controls import Controls
from livecam.errors import ConfigError
from livecam.explainer import Explainer
from livecam.types import AnnotatedFrame, Frame, RunInfo, SourceInfo

RUN = RunInfo(SourceInfo("0", 32, 16, 30.0, Fraction(1, 30)), "net", "gradcam", "layer", 10)


def shown(number=0):
    image = np.full((16, 32, 3), number, np.uint8)
    return AnnotatedFrame(Frame(image, number, 0.0, 0.0), image, None, None)


def test_a_snapshot_is_of_the_picture_that_was_shown(tmp_path):
    controls, said = Controls(), []
    with Acts(controls, RUN, said.append, folder=tmp_path) as acts:
        assert acts.after(shown(1))
        controls.act("snapshot")
        assert acts.after(shown(2))
        assert acts.after(shown(3))
    raw = [path for path in tmp_path.glob("*.png") if ".overlay" not in path.name]
    assert len(raw) == 1
    assert (cv2.imread(str(raw[0])) == 2).all()
    assert said == [f"snapshot {raw[0]}"]
    assert controls.news == f"kept as {raw[0].name}"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("livecam-snapshot")]


def test_a_snapshot_that_cannot_be_kept_is_told_and_the_show_goes_on(tmp_path):
    (tmp_path / "file").write_text("")
    controls, said = Controls(), []
    with Acts(controls, RUN, said.append, folder=tmp_path / "file") as acts:
        controls.act("snapshot")
        assert acts.after(shown())
    assert len(said) == 1
    assert "no snapshot" in said[0] and "cannot be written" in said[0]
    assert "cannot be written" in controls.news


def test_quit_ends():
    controls = Controls()
    with Acts(controls, RUN, print) as acts:
        controls.press("q")
        assert not acts.after(shown())


@pytest.fixture(scope="module")
def explainer():
    with Explainer() as one:
        yield one


def test_the_controls_of_a_run(explainer):
    settings = Settings(alpha=0.75, colormap="viridis")
    controls = make_controls(settings, explainer, recording=False, forbidden=frozenset())
    assert controls.act("opacity", "-").alpha == 0.65
    assert controls.act("lock", 999).locked == 999
    assert controls.act("method", "gradcam").method == "gradcam"
    with pytest.raises(ConfigError, match="not one of"):
        controls.act("method", "guidedbackprop")  # OpenVINO has no autograd
    assert controls.act("colormap").colormap not in (None, "viridis")
    controls.act("snapshot")
    assert controls.take("snapshot") == 1


def test_where_nothing_may_be_written_nothing_is(explainer, tmp_path):
    controls = make_controls(Settings(), explainer, recording=True, forbidden=frozenset({"record", "snapshot"}))
    with Acts(controls, RUN, print, folder=tmp_path) as acts:
        for ask in (lambda: controls.act("snapshot"), lambda: controls.press("s"), lambda: controls.press("r")):
            with pytest.raises(ConfigError):
                ask()
        acts.after(shown())
    assert list(tmp_path.iterdir()) == []
