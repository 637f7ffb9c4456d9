"""What tests of several parts need."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture
def data() -> Path:
    """The folder of the shared development data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("LIVECAM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no development data: set LIVECAM_DATA")
    return folder
