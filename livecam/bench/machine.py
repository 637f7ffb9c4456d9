"""On what a figure was measured: without it, a figure says nothing."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from livecam.threads import cores

PACKAGES = ("livecam", "torch", "torchvision", "timm", "openvino", "onnxruntime", "numpy", "opencv-python", "av")


def machine() -> dict[str, Any]:
    """CPU, cores, GPU, system, and the load at the begin: of a busy machine, only ratios say something."""
    import torch

    found: dict[str, Any] = {
        "cpu": _cpu(),
        "cores": cores(),
        "threads": torch.get_num_threads(),
        "system": f"{platform.system()} {platform.release()}",
        "load_1min": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return found


def versions() -> dict[str, str]:
    """Of Python and of what computes; what is not installed is not named."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


class Elsewhere:
    """What other processes take of the CPU from here on: where it is much, a figure says more of them than of us.

    child: a process of ours that still runs.
    """

    def __init__(self, child: int | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._child, self._now = child, now
        self._start, self._all, self._own = now(), all_cpu_s(), own_cpu_s(child)

    def cores(self) -> float | None:
        """Cores that they kept busy on average; None where the system does not say."""
        spent = all_cpu_s()
        if spent is None or self._all is None:
            return None
        others = (spent - self._all) - (own_cpu_s(self._child) - self._own)
        return round(max(others, 0.0) / max(self._now() - self._start, 1e-3), 2)


def all_cpu_s() -> float | None:
    """CPU seconds of all processes since boot, stolen ones of a virtual machine included."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _waiting, *rest = map(int, fields)
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def own_cpu_s(child: int | None) -> float:
    """CPU seconds of this process, of its children that have ended, and of ``child``."""
    own = sum(os.times()[:4])
    try:
        fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split() if child else []
    except OSError:
        fields = []
    return own + sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK") if fields else own


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
