"""What tests of several parts need."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import livecam  # noqa: F401  before OpenCV, which reads its limit of a picture's size as it is loaded


@pytest.fixture(scope="session", autouse=True)
def compiled_here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compiled models are kept for the session, away from the user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def data() -> Path:
    """The folder of the shared development data; the test is skipped where it is absent."""
    folder = Path(os.environ.get("LIVECAM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("no development data: set LIVECAM_DATA")
    return folder
