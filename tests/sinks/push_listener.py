"""Media servers for tests: FFmpeg's own listeners, in processes of their own, and a server that never answers."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

SECRET = "s3cr3tX"
PROGRAM = """
import json, sys
from livecam._av import av
from livecam.sources.synthetic import read_frame_number
url, options = sys.argv[1], json.loads(sys.argv[2])
with av.open(url, options=options) as container:
    stream = container.streams.video[0]
    try:
        for packet in container.demux(stream):
            for frame in packet.decode():
                at = None if frame.pts is None else float(frame.pts * frame.time_base)
                luma = frame.to_ndarray(format="gray")
                print(json.dumps([read_frame_number(luma), at, *luma.shape, bool(frame.key_frame)]), flush=True)
    except av.FFmpegError:
        pass  # the stream has ended
"""
OPTIONS = {
    "rtmp": {"listen": "1", "probesize": "32", "analyzeduration": "0"},
    "rtsp": {"rtsp_flags": "listen", "listen_timeout": "60", "probesize": "32", "analyzeduration": "0"},
}


class Got(NamedTuple):
    """A picture that arrived: the number in its pixels, seconds (None: not known yet), size, is it a key picture."""

    number: int
    at: float | None
    height: int
    width: int
    key: bool


class Listener:
    """Takes one stream and ends with it. ``got``: what has come; ``pictures`` waits for so many."""

    def __init__(self, kind: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.url = f"{kind}://127.0.0.1:{self.port}/live/{SECRET if kind == 'rtmp' else 'view'}"
        self.got: list[Got] = []
        self._changed = threading.Condition()
        self._ended = False
        self._process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, self.url, json.dumps(OPTIONS[kind])], stdout=subprocess.PIPE, text=True
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        try:
            wait_for_listening(self.port, self._process)
        except BaseException:
            self.kill()
            raise

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                self.got.append(Got(*json.loads(line)))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def pictures(self, count: int = sys.maxsize) -> list[Got]:
        """Wait for so many, or for the end of the stream."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._ended or len(self.got) >= count, 60), self.got
            return self.got[:]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        self._thread.join()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_listening(port: int, process: subprocess.Popen[str]) -> None:
    """Without a connection: the listener takes one only."""
    table, wanted = Path("/proc/net/tcp"), f"0100007F:{port:04X} 00000000:0000 0A "
    while wanted not in table.read_text():
        assert process.poll() is None, "the listener has ended"
        threading.Event().wait(0.02)
