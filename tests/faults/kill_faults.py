"""A recording whose process is ended at a random moment."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from fault_kinds import Outcome, fault
from killing import one

CODES = {"KILL": -9, "TERM": 130, "INT": 130}
MISSING_S = 1.0  # at most, of what comes last
STEADY_S = 1.5


def ended(folder: Path, seed: int, *, sent: str) -> Outcome:
    container = ("mp4", "mkv")[seed % 2]
    found = one(0, sent, container, segment_s=None, seed=seed, steady_s=STEADY_S)
    missing_s = found["missing_s"]
    kept = missing_s is not None and missing_s <= MISSING_S
    lost = 0 if kept else found["missing_pictures"] or 0
    well = found["playable"] and kept and found["exit_code"] == CODES[sent]
    return Outcome(well, "", found["exit_code"], lost, found["ended_s"])


for _name in CODES:
    fault(f"recording, SIG{_name}")(partial(ended, sent=_name))
