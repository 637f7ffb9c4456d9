"""Commands on sources that fail, in processes of their own: also what FFmpeg writes by itself is looked at."""

from __future__ import annotations

import base64
import json
import logging
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from livecam._av import av
from livecam.jobs import stem_of
from livecam.sinks.audio import AudioCopy
from livecam.sources import open_source

SECRET = "s3cr3tX"
COMMAND = [sys.executable, "-m", "livecam"]
FAULTY = "test://?size=64x48&fps=500&frames=1500&faults=3"  # lost before 55 and 1283, and stuck before 1154


def livecam(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("LIVECAM_") and name != "DISPLAY"}
    return subprocess.run([*COMMAND, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=100)


class TestSecrets:
    @pytest.mark.parametrize(
        "args",
        [
            ("live", f"rtsp://me:{SECRET}@127.0.0.1:9/cam?token={SECRET}", "-o", "null", "--json"),
            ("live", f"gopher://me:{SECRET}@127.0.0.1/"),
            ("live", "test://", f"http://me:{SECRET}@127.0.0.1:9/cam"),
            ("live", "test://?frames=2", "-o", f"gopher://h/?key={SECRET}"),
            (
                "annotate",
                f"http://127.0.0.1:9/a.mp4?auth={SECRET}",
                f"rtsp://x:{SECRET}@127.0.0.1:9/",
                "-o",
                "o/",
                "--json",
            ),
            ("explain", f"http://me:{SECRET}@127.0.0.1:9/a.jpg", "--json"),
            ("live", "test://?size=96x64&frames=60", "-o", f"rtmp://127.0.0.1:9/live/{SECRET}", "--json"),
            ("live", "test://?size=96x64&frames=60", "-o", f"rtsp://me:{SECRET}@127.0.0.1:9/live", "--json"),
            ("live", "test://?frames=2", *("-o", f"rtmp://127.0.0.1:9/live/{SECRET}") * 2),
            ("annotate", "test://?frames=2", "-o", f"rtmp://127.0.0.1:9/live/{SECRET}"),
        ],
        ids=["lost", "unknown", "argument", "sink", "several", "still", "push", "push-rtsp", "twice", "no-push"],
    )
    def test_in_no_error(self, tmp_path: Path, args: tuple[str, ...]) -> None:
        done = livecam(tmp_path, *args)
        assert done.returncode
        assert "***" in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr

    def test_in_nothing_that_is_written(self, tmp_path: Path, guarded: str) -> None:
        done = livecam(
            tmp_path, "annotate", f"{guarded}/password={SECRET}/a.mp4?token={SECRET}", "--max-frames", "3", "--json"
        )
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert report["frames_out"] == 3
        assert "me:***@" in report["input"]
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {path.name for path in files} >= {"a.explained.mp4", "a.explained.mp4.jsonl"}
        for text in (done.stdout, done.stderr, *map(str, files)):
            assert SECRET not in text
        for path in files:
            assert SECRET.encode() not in path.read_bytes()

    def test_in_no_traceback(self) -> None:
        with pytest.raises(OSError, match="refused") as caught:
            open_source(f"http://me:{SECRET}@127.0.0.1:9/cam?token={SECRET}")
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert isinstance(caught.value.__cause__, av.FFmpegError)

    def test_in_no_warning_of_the_sound(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING), av.open(str(tmp_path / "a.mp4"), "w") as output:
            AudioCopy(f"http://me:{SECRET}@127.0.0.1:9/a.mp4", output, zero=Fraction(0)).close()
        assert "me:***@" in caplog.text
        assert SECRET not in caplog.text

    def test_in_no_name_of_an_output(self) -> None:
        assert SECRET not in stem_of(f"rtsp://h/user=a_password={SECRET}_channel=1.sdp")
        assert SECRET not in stem_of(f"rtsp://me:{SECRET}@h")


@pytest.fixture
def guarded() -> Iterator[str]:
    """A server that has five pictures for who knows the password."""
    wanted = "Basic " + base64.b64encode(f"me:{SECRET}".encode()).decode()
    jpeg = cv2.imencode(".jpg", np.full((64, 96, 3), 128, np.uint8))[1].tobytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != wanted:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
                self.end_headers()
                return
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
            self.end_headers()
            head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode()
            self.wfile.write((head + jpeg + b"\r\n") * 5)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://me:{SECRET}@127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_live_outlives_every_fault(tmp_path: Path) -> None:
    quick = ("--retry-delay", "0.05", "--stall-timeout", "0.4")
    done = livecam(tmp_path, "live", FAULTY, "--reconnect", *quick, "-o", "null", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["frames_in"] == 1500
    assert "before picture 55" in done.stderr
    assert "no picture for" in done.stderr
    assert done.stderr.count("back after") >= 3


@pytest.mark.parametrize("flag", ["--no-reconnect", "--hud"])
def test_without_it_a_loss_is_the_end(tmp_path: Path, flag: str) -> None:
    """--hud, which is so anyway: the default for what is not live by itself."""
    done = livecam(tmp_path, "live", FAULTY, flag, "-o", "null")
    assert done.returncode == 4
    assert "before picture 55" in done.stderr


def test_what_is_not_there_fails_at_once(tmp_path: Path) -> None:
    done = livecam(tmp_path, "live", "rtsp://127.0.0.1:9/cam", "--reconnect", "-o", "null")
    assert done.returncode == 3
