"""A handful of what ``scripts/kill_recordings`` does by the hundred."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "kill_recordings"


@pytest.mark.parametrize("args", [("--signal", "KILL"), ("--signal", "KILL", "--segment", "1"), ("--signal", "TERM")])
def test_a_recording_whose_process_dies(args: tuple[str, ...], tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--tries", "2", *args]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["playable"] == 2
