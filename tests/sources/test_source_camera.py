from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from source_helpers import corners, quarter_names, read_all, write_video

from livecam.clock import ManualClock
from livecam.errors import SourceLost, SourceNotFound
from livecam.sources import SourceOptions
from livecam.sources._devices import NO_PERMISSION, find_camera, identity
from livecam.sources.camera import CameraInfo, CameraKind, CameraSource, SameCamera, list_cameras


class FakeCapture:
    """A camera that knows 640x480 only, and fails where told to."""

    def __init__(self, script: str = "ppp", clock: ManualClock | None = None, opened: bool = True) -> None:
        self.script = list(script)  # p picture, x failure
        self.clock = clock
        self.opened = opened
        self.asked: list[tuple[int, float]] = []
        self.released = 0

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def set(self, prop: int, value: float, /) -> bool:
        self.asked.append((prop, value))
        return True

    def get(self, prop: int, /) -> float:
        return {cv2.CAP_PROP_FPS: 30.0, cv2.CAP_PROP_FOURCC: float(cv2.VideoWriter.fourcc(*"MJPG"))}.get(prop, 0.0)

    def read(self) -> tuple[bool, Any]:
        if self.clock is not None:
            self.clock.advance(0.04)
        if self.script and self.script.pop(0) == "p":
            return True, np.ascontiguousarray(corners(640, 480)[:, :, ::-1])
        return False, None

    def release(self) -> None:
        self.released += 1


def test_the_mode_is_asked_for_in_the_right_order_and_read_back() -> None:
    capture = FakeCapture()
    with CameraSource(capture, "cam", SourceOptions(size=(1920, 1080), fps=60)) as source:
        info = source.info
    assert [p for p, _ in capture.asked] == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
        cv2.CAP_PROP_BUFFERSIZE,
    ]
    assert [v for _, v in capture.asked[1:]] == [1920, 1080, 60, 1]
    assert (info.width, info.height, info.fps, info.live) == (640, 480, 30.0, True)
    assert info.detail == "640x480 30 fps MJPG"
    assert capture.released == 1


def test_pictures_are_rgb_and_timed_by_their_arrival() -> None:
    clock = ManualClock(100.0)
    source = CameraSource(FakeCapture("pppp", clock), "cam", clock=clock)
    frames = [source.read() for _ in range(4)]
    assert [f.ticks for f in frames] == [0, 40_000, 80_000, 120_000]
    assert [f.pts for f in frames] == pytest.approx([0, 0.04, 0.08, 0.12])
    assert [f.captured_at for f in frames] == pytest.approx([100.04, 100.08, 100.12, 100.16])
    assert quarter_names(frames[0].image) == ["red", "green", "blue", "grey"]


def test_a_standing_clock_still_gives_increasing_ticks() -> None:
    source = CameraSource(FakeCapture("ppp"), "cam", clock=ManualClock())
    assert [source.read().ticks for _ in range(3)] == [0, 1, 2]


def test_a_few_failures_are_passed_over_and_many_mean_lost() -> None:
    capture = FakeCapture("ppxxpxxxxx")
    source = CameraSource(capture, "cam", clock=ManualClock())
    assert [source.read().index for _ in range(3)] == [0, 1, 2]
    assert source.decode_errors == 2
    with pytest.raises(SourceLost, match="unplugged"):
        source.read()
    source.close()
    source.close()
    assert capture.released == 1
    assert source.read() is None


def test_a_long_silence_means_lost_at_once() -> None:
    clock = ManualClock()
    capture = FakeCapture("pxxxxx", clock)
    source = CameraSource(capture, "cam", SourceOptions(timeout_s=0.04), clock)
    source.read()
    with pytest.raises(SourceLost):
        source.read()
    assert len(capture.script) == 4


@pytest.mark.parametrize("capture", [FakeCapture(opened=False), FakeCapture("xxxxxx")], ids=["closed", "silent"])
def test_a_camera_that_does_not_work(capture: FakeCapture) -> None:
    with pytest.raises(SourceNotFound, match="another program"):
        CameraSource(capture, "cam")
    assert capture.released == 1


def test_a_real_capture(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", [corners()] * 6, codec="mjpeg", pix_fmt="yuvj420p")
    source = CameraSource(cv2.VideoCapture(str(path)), "file", SourceOptions(timeout_s=1))
    frames = [source.read() for _ in range(6)]
    assert quarter_names(frames[5].image) == ["red", "green", "blue", "grey"]
    with pytest.raises(SourceLost):
        read_all(source)


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, Path]:
    """Folders /sys/class/video4linux and /dev of a machine with two cameras, the first with a metadata node."""
    sys_root, dev_root = tmp_path / "sys", tmp_path / "dev"
    by_id = dev_root / "v4l" / "by-id"
    by_id.mkdir(parents=True)
    for number, name, index in ((0, "HD Webcam C920", 0), (1, "HD Webcam C920", 1), (10, "Capture Card", 0)):
        node = sys_root / f"video{number}"
        node.mkdir(parents=True)
        (node / "name").write_text(name + "\n")
        (node / "index").write_text(f"{index}\n")
        (dev_root / f"video{number}").touch()
    (by_id / "usb-046d_C920-video-index0").symlink_to("../../video0")
    return sys_root, dev_root


def test_cameras_are_listed(machine: tuple[Path, Path]) -> None:
    sys_root, dev_root = machine
    (dev_root / "video10").unlink()
    first, metadata, second = list_cameras(sys_root, dev_root)
    by_id = str(dev_root / "v4l" / "by-id" / "usb-046d_C920-video-index0")
    assert first == CameraInfo(0, str(dev_root / "video0"), by_id, "HD Webcam C920", True)
    assert (metadata.index, metadata.usable) == (1, False)
    assert "metadata" in metadata.reason
    assert (second.index, second.by_id, second.usable) == (10, None, False)
    assert "device file is missing" in second.reason


def test_without_permission(machine: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)
    cameras = list_cameras(*machine)
    assert cameras[0].reason == NO_PERMISSION
    with pytest.raises(SourceNotFound, match="usermod -aG video"):
        CameraKind(lambda: cameras, lambda index: FakeCapture()).open("0", SourceOptions())


def test_no_video4linux(tmp_path: Path) -> None:
    assert list_cameras(tmp_path / "absent", tmp_path) == []


def test_a_camera_by_any_of_its_names(machine: tuple[Path, Path]) -> None:
    sys_root, dev_root = machine
    cameras = list_cameras(sys_root, dev_root)
    by_id = dev_root / "v4l" / "by-id" / "usb-046d_C920-video-index0"
    names = ("0", "cam:c920", "cam:HD Webcam", "cam:046d", str(by_id), str(dev_root / "video10"), "cam:card", "7")
    assert [find_camera(n, cameras) for n in names] == [0, 0, 0, 0, 0, 10, 10, 7]
    for name in ("cam:Nikon", "cam:"):
        with pytest.raises(SourceNotFound, match=r"found: 0 \(HD Webcam C920\)"):
            find_camera(name, cameras)
    with pytest.raises(SourceNotFound, match="plugged in"):
        find_camera("/dev/v4l/by-id/usb-gone", cameras)


def test_no_camera_at_all() -> None:
    kind = CameraKind(list, lambda index: FakeCapture(opened=False))
    with pytest.raises(SourceNotFound, match="no camera 0; found: none"):
        kind.open("0", SourceOptions())


def camera(index: int, name: str, by_id: str | None = None) -> CameraInfo:
    return CameraInfo(index, f"/dev/video{index}", by_id, name, True)


class Bus:
    """Cameras that are plugged in and out; ``opened`` says which number was opened."""

    def __init__(self, *cameras: CameraInfo) -> None:
        self.cameras = list(cameras)
        self.opened: list[int] = []

    def same(self, spec: str) -> SameCamera:
        def capture(index: int) -> FakeCapture:
            self.opened.append(index)
            return FakeCapture(opened=any(c.index == index for c in self.cameras))

        return SameCamera(spec, CameraKind(lambda: self.cameras, capture))


@pytest.mark.parametrize("spec", ["0", "/dev/video0", "cam:C920", "C920", "/dev/v4l/by-id/a"])
@pytest.mark.parametrize("by_id", ["/dev/v4l/by-id/a", None])
def test_the_same_camera_is_found_again_and_never_another(spec: str, by_id: str | None) -> None:
    if by_id is None and spec.startswith("/dev/v4l"):
        return
    bus = Bus(camera(0, "C920", by_id), camera(2, "Card"))
    open_again = bus.same(spec)
    open_again(SourceOptions()).close()
    bus.cameras = [camera(0, "Card"), camera(1, "C920 Pro"), camera(3, "Other", "/dev/v4l/by-id/b")]
    with pytest.raises(SourceNotFound, match="unplugged"):  # its number is another camera's now
        open_again(SourceOptions())
    bus.cameras.append(camera(4, "C920", by_id))
    open_again(SourceOptions()).close()
    assert bus.opened == [0, 4]


def test_before_the_first_opening_any_camera_of_that_name_will_do() -> None:
    bus = Bus()
    open_again = bus.same("0")
    with pytest.raises(SourceNotFound, match="no camera 0"):
        open_again(SourceOptions())
    bus.cameras = [camera(0, "Card")]
    open_again(SourceOptions()).close()


def test_twins() -> None:
    first, second = camera(0, "C920", "/dev/v4l/by-id/1"), camera(1, "C920", "/dev/v4l/by-id/2")
    assert identity(0, [first, second]) == first.by_id
    assert identity(0, [first, camera(1, "C920")]) is None, "twins without a serial share one by-id name"
    assert identity(0, [camera(0, "C920"), second]) is None
    assert identity(7, [first]) is None
    bus = Bus(camera(0, "C920"), camera(1, "C920"))
    open_again = bus.same("0")
    open_again(SourceOptions()).close()
    bus.cameras = bus.cameras[1:]
    with pytest.raises(SourceNotFound, match="cannot be told"):
        open_again(SourceOptions())
    assert bus.opened == [0]


def test_a_twin_that_came_later() -> None:
    bus = Bus(camera(0, "C920"))
    open_again = bus.same("0")
    open_again(SourceOptions()).close()
    bus.cameras = [camera(1, "C920"), camera(2, "C920")]
    with pytest.raises(SourceNotFound, match="2 cameras are called C920"):
        open_again(SourceOptions())
