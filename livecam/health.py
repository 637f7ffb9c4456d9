"""How a source is: what the screen, the metrics and a watchdog ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(Enum):
    CONNECTING = "connecting"  # it is being opened, or its first picture has not come yet
    LIVE = "live"
    STALE = "stale"  # open, but silent for more than a second
    LOST = "lost"  # it went away, or is not there yet; it is tried again at ``retry_at``
    ENDED = "ended"  # it came to its own end, or was closed


@dataclass(frozen=True, slots=True)
class SourceHealth:
    """A moment in the life of a source.

    since, retry_at: seconds of the monotonic clock; the state began, the next try is due (None: none is planned).
    cause: why it is not live, in words and without credentials; "" when it is. attempts: tries to open it since its
    last picture. outages: how often it has been lost so far.
    """

    state: State
    since: float = 0.0
    cause: str = ""
    attempts: int = 0
    outages: int = 0
    retry_at: float | None = None


ALWAYS_LIVE = SourceHealth(State.LIVE)
"""Of a source that does not say how it is: it gives pictures until it ends or raises."""
