"""The one door to OpenVINO: nothing is reported to anybody.

OpenVINO's converter, and NNCF, send usage figures to a server through the package ``openvino_telemetry``, unless it
cannot be imported. What is explained here stays here. A lint rule forbids the other doors.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # isort: skip  # noqa: E402, TID251

__all__ = ["openvino"]
