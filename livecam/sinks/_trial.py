"""A muxer that writes nowhere: it is asked first whether a packet can be written.

The real one takes packets into a queue beside the pictures, and says later that it cannot write one: too late, for then
the recording is lost with it.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any

from livecam._av import av


class Trial:
    """For packets of one track, to be copied into a container of ``format``. Raises av.FFmpegError, ValueError."""

    def __init__(self, format: str, track: av.AudioStream) -> None:
        self._format, self._track = format, track
        self._container = self._opened()
        self._proven = False

    def check(self, packet: av.Packet[Any]) -> None:
        """Raises av.FFmpegError for a packet that the muxer refuses; ``packet`` stays as it is."""
        if not self._proven:  # some describe a track in their trailer, and only one that has packets
            with self._opened() as whole:
                _mux(packet, whole)
            self._proven = True
        _mux(packet, self._container)

    def close(self) -> None:
        with contextlib.suppress(av.FFmpegError):
            self._container.close()

    def _opened(self) -> av.container.OutputContainer:
        container = av.open(os.devnull, "w", format=self._format)
        try:
            container.add_stream_from_template(self._track)
            container.start_encoding()
        except BaseException:
            with contextlib.suppress(av.FFmpegError):
                container.close()
            raise
        return container


def _mux(packet: av.Packet[Any], container: av.container.OutputContainer) -> None:
    stream, time_base = packet.stream, packet.time_base
    pts, dts, duration = packet.pts, packet.dts, packet.duration
    packet.stream = container.streams[0]
    try:
        container.mux(packet)
    finally:
        packet.stream, packet.time_base = stream, time_base
        packet.pts, packet.dts, packet.duration = pts, dts, duration
