from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "sinks"))

from livecam.web.address import Address
from livecam.web.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    before = set(threading.enumerate())
    server = Server(Address("127.0.0.1", 0))
    yield server
    server.close()
    server.close()
    assert set(threading.enumerate()) <= before
