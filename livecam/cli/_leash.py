"""What ties a worker to its supervisor: a socket for its heartbeat. When either end dies, the other one knows."""

from __future__ import annotations

import ctypes
import signal
import socket
import sys
from collections.abc import Iterator

TAKE_OVER, GO = "TAKE_OVER=1", "GO=1"  # beside the messages of ``livecam.heartbeat``
TAKE_OVER_S = 10.0
_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>


class Leash:
    """The worker's end. A message a line. When the supervisor is gone, SIGTERM ends the worker."""

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=descriptor)
        self._socket.setblocking(False)
        if sys.platform.startswith("linux"):
            # Also a worker that hangs is not left behind; a recording can be played wherever it breaks off.
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        self.send()  # it may have gone before

    def send(self, *messages: str) -> None:
        try:
            self._socket.send("".join(f"{message}\n" for message in messages or ("",)).encode())
        except BlockingIOError:
            return  # a supervisor that does not listen has heard enough
        except OSError:
            signal.raise_signal(signal.SIGTERM)

    def take_over(self) -> None:
        """The supervisor lets go of the port; returns when it has."""
        self._socket.settimeout(TAKE_OVER_S)
        try:
            self.send(TAKE_OVER)
            self._socket.recv(len(GO) + 1)
        except TimeoutError:
            return  # opening the port says what is wrong
        finally:
            self._socket.setblocking(False)

    def close(self) -> None:
        self._socket.close()


def messages(received: bytes) -> Iterator[str]:
    """The messages in what the supervisor's end has received; they are short enough to come whole."""
    yield from filter(None, received.decode("ascii", "replace").split("\n"))
