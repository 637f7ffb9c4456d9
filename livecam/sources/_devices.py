"""Which cameras Linux knows, and which of them a name means. Opens no device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from livecam.errors import SourceNotFound

NO_PERMISSION = "no permission; add yourself to its group: sudo usermod -aG video $USER, then log in again"


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """A video device.

    device: the device file. by_id: a name that survives replugging, None when there is none. name: what the camera
    calls itself. usable: it can be opened by this user and gives pictures; else reason says why not.
    """

    index: int
    device: str
    by_id: str | None
    name: str
    usable: bool
    reason: str = ""


def list_cameras(sys_root: Path = Path("/sys/class/video4linux"), dev_root: Path = Path("/dev")) -> list[CameraInfo]:
    """All video devices by index, also those that cannot be used. Empty where there is no Video4Linux."""
    entries = sys_root.glob("video*") if sys_root.is_dir() else ()
    by_id = _by_id(dev_root)
    return [_camera(int(e.name[5:]), e, dev_root, by_id) for e in sorted(entries, key=_number) if _number(e) >= 0]


def find_camera(spec: str, cameras: list[CameraInfo]) -> int:
    """Index of the camera that ``spec`` names: ``0``, ``/dev/video0``, ``/dev/v4l/by-id/...``, ``cam:part of a name``.

    A number is taken at its word, whether listed or not. Raises SourceNotFound with what there is.
    """
    if spec.isdecimal():
        return int(spec)
    if spec.startswith("cam:"):
        wanted = spec.removeprefix("cam:").strip().lower()
        found = [c for c in cameras if wanted and wanted in f"{c.name} {c.by_id or ''}".lower()]
        found.sort(key=lambda c: not c.usable)
        if not found:
            raise SourceNotFound(f"{spec}: no camera of that name; {listing(cameras)}")
        return found[0].index
    for camera in cameras:
        if spec in (camera.device, camera.by_id):
            return camera.index
    name = Path(spec).resolve().name
    if not (name.startswith("video") and name[5:].isdecimal()):
        raise SourceNotFound(f"{spec}: no such device; is the camera plugged in? {listing(cameras)}")
    return int(name[5:])


def identity(index: int, cameras: list[CameraInfo]) -> str | None:
    """What finds this camera again after it was replugged, and never another: its by-id name, else its own name.

    None where it cannot be told from another one of the same make, or the system does not list it.
    """
    camera = next((c for c in cameras if c.index == index), None)
    if camera is None:
        return None
    twins = [c for c in cameras if c is not camera and c.usable and c.name == camera.name]
    # Twins without a serial number share one by-id name, which then belongs to whichever came last.
    return (camera.by_id or camera.name) if all(c.by_id for c in twins) and (camera.by_id or not twins) else None


def same_camera(known_as: str | None, cameras: list[CameraInfo]) -> CameraInfo:
    """The camera of that ``identity``. Raises SourceNotFound when it is not there, or when another one might be it."""
    if known_as is None:
        raise SourceNotFound("this camera cannot be told from others of its make; start livecam again to choose one")
    found = [c for c in cameras if c.usable and known_as in (c.by_id, c.name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise SourceNotFound(f"{len(found)} cameras are called {known_as}; unplug the others")
    raise SourceNotFound("unplugged; plug it in again")


def listing(cameras: list[CameraInfo]) -> str:
    """One line for people: what there is.

    >>> listing([])
    'found: none'
    """
    return "found: " + (", ".join(f"{c.index} ({c.name})" for c in cameras if c.usable or c.reason) or "none")


def _number(entry: Path) -> int:
    return int(entry.name[5:]) if entry.name[5:].isdecimal() else -1


def _by_id(dev_root: Path) -> dict[str, str]:
    """Device file name → its by-id path; the first in order of names."""
    folder = dev_root / "v4l" / "by-id"
    links = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    return {link.resolve().name: str(link) for link in links}


def _camera(index: int, entry: Path, dev_root: Path, by_id: dict[str, str]) -> CameraInfo:
    device = dev_root / entry.name
    reason = _trouble(entry, device)
    return CameraInfo(
        index=index,
        device=str(device),
        by_id=by_id.get(entry.name),
        name=_text(entry / "name") or entry.name,
        usable=not reason,
        reason=reason,
    )


def _trouble(entry: Path, device: Path) -> str:
    # A USB camera has a second node for metadata, of the same name; the kernel numbers a device's nodes in ``index``.
    if _text(entry / "index") not in ("", "0"):
        return "gives no pictures (metadata of the camera before it)"
    if not device.exists():
        return "its device file is missing; in a container, pass it with --device"
    return "" if os.access(device, os.R_OK | os.W_OK) else NO_PERMISSION


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
