"""When a worker may say that it is well, and how it says so: the messages of systemd's ``sd_notify(3)``."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from livecam.health import SourceHealth, State

READY, ALIVE = "READY=1", "WATCHDOG=1"
EVERY_S = 1.0  # at most
LATE_S = 10.0  # a source that has not tried again so long after it was due does not try any more
OPENING_S = 90.0  # the same for an opening: a stuck one is given up after 30 seconds
EXPLAINING_S = 60.0  # pictures go on, and no explanation is made: the network hangs


class Receiver(Protocol):
    """Who is told."""

    def send(self, *messages: str) -> None: ...


class Systemd:
    """The service manager that has started this process, if one has (``$NOTIFY_SOCKET`` of ``environment``).

    One datagram a message. That nobody listens is no reason to end.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        name = environment.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name  # @: an abstract name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if name else None
        if self._socket:
            self._socket.setblocking(False)

    def send(self, *messages: str) -> None:
        if self._socket:
            with suppress(OSError):
                self._socket.sendto("\n".join(messages).encode(), self._address)

    def close(self) -> None:
        if self._socket:
            self._socket.close()


class Heart:
    """Beats when a new picture has been shown, and never from a timer.

    A lost source gives no new picture, and a new start would not bring it back: NO SIGNAL counts as long as the source
    is seen to try again when it is due. One that has ceased to try is as bad as a picture that stands.
    """

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._shown: int | None = None
        self._beat_at: float | None = None
        self._explained, self._explained_at = -1, 0.0

    def presented(self, index: int, explained: int, health: SourceHealth, now: float) -> None:
        """A picture is on the screen: number ``index`` of the source, while ``explained`` explanations had been made
        and the source was in ``health``. now: of its clock, seconds."""
        trying = _trying(health, now)
        if explained != self._explained or trying:
            self._explained, self._explained_at = explained, now
        new, self._shown = index != self._shown, index
        if not (new or trying) or now - self._explained_at > EXPLAINING_S:
            return
        if self._beat_at is None:
            self._receiver.send(READY, ALIVE)
        elif now - self._beat_at >= EVERY_S:
            self._receiver.send(ALIVE)
        else:
            return
        self._beat_at = now


def _trying(health: SourceHealth, now: float) -> bool:
    if health.state is State.LOST:
        return health.retry_at is not None and now <= health.retry_at + LATE_S
    return health.state is State.CONNECTING and now <= health.since + OPENING_S
