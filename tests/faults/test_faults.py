"""Every fault of the table once; ``scripts/faults`` runs it many times and writes the table."""

from __future__ import annotations

import os
from pathlib import Path

import kill_faults  # noqa: F401
import pytest
import sink_faults  # noqa: F401
from fault_kinds import FAULTS


@pytest.mark.parametrize("name", FAULTS)
def test_it_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for key in [key for key in os.environ if key.startswith("LIVECAM_")]:
        monkeypatch.delenv(key)
    outcome = FAULTS[name](tmp_path, 0)
    assert outcome.survived, outcome
    assert outcome.lost == 0, outcome
