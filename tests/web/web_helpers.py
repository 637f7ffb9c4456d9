"""A server of its own, and the plain ways to ask it."""

from __future__ import annotations

import http.client
import json
import time
from typing import Any

import cv2
from sink_helpers import annotated, picture
from websockets.sync.client import ClientConnection, connect

from livecam.types import AnnotatedFrame
from livecam.web.server import Server


def now(number: int, **of_frame: Any) -> AnnotatedFrame:
    """An annotated picture, captured now."""
    return annotated(number, captured_at=time.monotonic(), **of_frame)


def get(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    """Status, headers, text. ``Host`` as given, else as a browser would say it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=60)
    try:
        sent = {"Host": f"127.0.0.1:{server.address.port}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.putrequest("GET", path, skip_host=True)
        for name, value in sent.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


def live(server: Server, path: str = "/live", **options: Any) -> ClientConnection:
    return connect(f"ws://127.0.0.1:{server.address.port}{path}", compression=None, **options)


def words(socket: ClientConnection, name: str) -> Any:
    """The value of the next message in words that has ``name``."""
    while True:
        message = socket.recv(timeout=60)
        if isinstance(message, str) and name in (said := json.loads(message)):
            return said[name]


def jpeg(size: tuple[int, int] = (48, 64)) -> bytes:
    return cv2.imencode(".jpg", cv2.cvtColor(picture(0, size), cv2.COLOR_RGB2BGR))[1].tobytes()
