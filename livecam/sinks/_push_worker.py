"""The process that talks to a media server.

PyAV holds the interpreter's lock while it connects to a server and takes leave of it, and knows no timeout for what it
sends: in the process of the display, a server that does not answer would stop everything. Here it stops only this one.

In, on stdin: a line of JSON (``url``, ``format``, ``options``, ``size`` (width, height), ``rate``, ``clock`` ticks a
second, ``stall_s``), then packets of H.264, each after a HEAD; its end is the end of the stream.
Out, on stdout: a line of JSON when the server takes the stream, ``{"open": true}``, and one if it fails, ``{"reason":
words}``. A process that ends without either has waited ``stall_s`` for the server.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from livecam._av import av
from livecam.sinks._files import reason

HEAD = struct.Struct(">qqqI?")  # pts, dts, duration (ticks), bytes, is a key picture


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the stream then
    stdin = sys.stdin.buffer
    try:
        _push(stdin, **json.loads(stdin.readline()))
    except (OSError, av.FFmpegError, ValueError) as error:
        _say(reason=reason(error))
        # Nothing more can be sent: leave without the container's own farewell, which would wait for the server again.
        os._exit(1)


def _push(
    stdin: BinaryIO,
    *,
    url: str,
    format: str,
    options: dict[str, str],
    size: tuple[int, int],
    rate: str,
    clock: int,
    stall_s: float,
) -> None:
    container = av.open(url, "w", format=format, options=options)
    width, height = size
    stream = container.add_mux_stream("h264", Fraction(rate), width=width, height=height)
    stream.time_base = Fraction(1, clock)
    opened = False
    for packet in _packets(stdin):
        packet.stream, packet.time_base = stream, Fraction(1, clock)
        with _at_most(stall_s):
            container.mux(packet)  # the first one connects
        if not opened:
            opened = True
            _say(open=True)
    with _at_most(stall_s):
        container.close()


def _packets(stdin: BinaryIO) -> Iterator[av.Packet[Any]]:
    while len(head := stdin.read(HEAD.size)) == HEAD.size:
        pts, dts, duration, count, key = HEAD.unpack(head)
        packet: av.Packet[Any] = av.Packet(stdin.read(count))
        packet.pts, packet.dts, packet.duration, packet.is_keyframe = pts, dts, duration, key
        yield packet


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End this process when that takes longer. The watch needs no lock of the interpreter, unlike any thread."""
    with Path(os.devnull).open("w") as nothing:
        faulthandler.dump_traceback_later(seconds, exit=True, file=nothing)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _say(**words: Any) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
