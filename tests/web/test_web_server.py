"""Pictures out, words in, and what becomes of who does not listen."""

from __future__ import annotations

import http.client
import json
import struct
import subprocess
import sys
import time
from contextlib import ExitStack

import cv2
import numpy as np
import pytest
from sink_helpers import run
from web_helpers import get, jpeg, live, now, words
from websockets.exceptions import ConnectionClosed

from livecam.controls import Controls
from livecam.errors import SinkError
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.web import WebSink
from livecam.sources import open_source
from livecam.sources._fit import fitted
from livecam.sources.browser import BrowserSource
from livecam.web.address import Address
from livecam.web.camera import jpeg_size
from livecam.web.limits import Limits
from livecam.web.message import HEADER, MAGIC
from livecam.web.server import Server, give_back, lend


def pictured(socket, number: int | None = None) -> tuple[int, int, dict, np.ndarray]:
    """Number and index, what is said, and the picture, of the next message with a picture; it is acknowledged."""
    while isinstance(message := socket.recv(timeout=60), str):
        pass
    magic, length, got, index, captured = HEADER.unpack_from(message)
    assert magic == MAGIC
    assert captured <= time.monotonic()
    said = json.loads(message[HEADER.size : HEADER.size + length])
    image = cv2.imdecode(np.frombuffer(message, np.uint8, offset=HEADER.size + length), cv2.IMREAD_COLOR_RGB)
    socket.send(json.dumps({"ack": got if number is None else number}))
    return got, index, said, image


def test_a_picture_and_what_is_said_of_it(server: Server) -> None:
    shown = now(5, image=np.full((48, 64, 3), (200, 30, 60), np.uint8))
    server.show(shown)
    with live(server) as socket:
        _, index, said, image = pictured(socket)
    assert index == 5
    assert said["label"] == "Dösenöffner"
    assert [one["score"] for one in said["top"]] == [0.75, 0.125]
    assert np.abs(image.astype(int) - shown.image).max() <= 6  # red stays red


def test_encoded_once_for_all_and_not_for_nobody(server: Server) -> None:
    for number in range(100):
        server.show(now(number))
    assert json.loads(get(server, "/state")[2])["web"]["encoded"] == 0
    with ExitStack() as stack:
        sockets = [stack.enter_context(live(server)) for _ in range(5)]
        for number in range(100, 110):
            server.show(now(number))
            for socket in sockets:
                while pictured(socket)[1] != number:
                    pass
        encoded = json.loads(get(server, "/state")[2])["web"]["encoded"]
        assert 10 <= encoded <= 11  # number 99 for the first of them


def test_twenty_viewers_of_whom_five_never_read() -> None:
    server = Server(Address("127.0.0.1", 0), Limits(silent_s=6.0))
    large = np.random.default_rng(0).integers(0, 255, (480, 640, 3), np.uint8)  # some 250 kB a picture
    with ExitStack() as stack:
        stack.callback(server.close)
        deaf = [stack.enter_context(live(server, max_queue=1)) for _ in range(5)]
        good = [stack.enter_context(live(server)) for _ in range(15)]
        for number in range(20):
            server.show(now(number, image=large))
            for socket in good:
                while pictured(socket)[1] != number:
                    pass
        for socket in deaf:  # sent away: what had been sent before can be read, then comes the end
            sent = 0
            with pytest.raises(ConnectionClosed):
                while True:
                    sent += isinstance(socket.recv(timeout=60), bytes)
            assert sent <= 2
        assert json.loads(get(server, "/state")[2])["web"]["viewers"] == 15


def test_slow_viewers_get_the_newest(server: Server) -> None:
    with live(server) as socket:
        words(socket, "run")
        for number in range(3):
            server.show(now(number))
            while json.loads(get(server, "/state")[2])["web"]["encoded"] < min(number + 1, 2):
                pass
        for number in range(3, 50):
            server.show(now(number))
        got = [pictured(socket)[1] for _ in range(3)]
    assert got == [0, 1, 49]


def test_acknowledging_what_was_never_sent_is_no_news(server: Server) -> None:
    with live(server) as socket:
        for number in range(2):
            server.show(now(number))
            assert pictured(socket, 10**9)[1] == number
        server.show(now(2))
        for odd in ({"ack": -1}, {"ack": True}, {"ack": "1"}, {"ack": None}):
            socket.send(json.dumps(odd))
        socket.send(json.dumps({"ping": 1}))
        assert isinstance(socket.recv(timeout=60), str)  # the answer, and no third picture


def test_stream_for_everything_else(server: Server) -> None:
    server.show(now(1))
    connection = http.client.HTTPConnection("127.0.0.1", server.address.port, timeout=60)
    connection.request("GET", "/stream.mjpg")
    answer = connection.getresponse()
    boundary = answer.getheader("content-type").split("boundary=")[1].encode()
    for number in range(2, 4):
        assert answer.readline().strip() == b"--" + boundary
        headers = http.client.parse_headers(answer)
        assert headers["content-type"] == "image/jpeg"
        assert jpeg_size(answer.read(int(headers["content-length"]))) == (64, 48)
        assert answer.readline() == b"\r\n"
        server.show(now(number))
    answer.close()
    connection.close()


def test_words_change_the_view() -> None:
    controls = Controls()
    with open_sink("http://127.0.0.1:0", SinkOptions(controls=controls), run()) as sink:
        assert isinstance(sink, WebSink)
        with live(sink._server) as one, live(sink._server) as other:
            known = {"source": "clip.mp4", "model": "net", "method": "gradcam"}
            assert words(one, "run") == {**known, "camera": False, "wall": False, "alarm": ""}
            assert words(one, "view")["mirror"] is False
            assert words(other, "view")["mirror"] is False
            one.send(json.dumps({"act": "mirror"}))
            assert words(one, "view")["mirror"] is True
            assert words(other, "view")["mirror"] is True
            assert controls.view.mirror
            one.send(json.dumps({"act": "spot", "value": [0.25, 0.5]}))
            assert words(one, "view")["spot"] == [0.25, 0.5]
            one.send(json.dumps({"act": "format the disk"}))
            assert "format the disk" in words(one, "refused")
            before = time.monotonic()
            one.send(json.dumps({"ping": 7.5}))
            assert before <= json.loads(one.recv(timeout=60))["now"] <= time.monotonic()


@pytest.mark.parametrize("nonsense", ["", "{", "[]", "1", "[" * 4000, b"\x00\x01", "x" * 5000, '{"ack": NaN', "null"])
def test_who_talks_nonsense_is_sent_away(server: Server, nonsense: str | bytes) -> None:
    with live(server) as socket:
        socket.send(nonsense)
        with pytest.raises(ConnectionClosed):
            words(socket, "nothing")
    assert get(server, "/")[0] == 200


def test_who_talks_too_much_is_sent_away() -> None:
    server = Server(Address("127.0.0.1", 0), Limits(rate=0.001, burst=10))
    try:
        with live(server) as socket, pytest.raises(ConnectionClosed):
            for _ in range(11):
                socket.send('{"ack": 0}')
            words(socket, "nothing")
    finally:
        server.close()


def test_one_too_many(server: Server) -> None:
    few = Server(Address("127.0.0.1", 0), Limits(viewers=1))
    try:
        with live(few) as one:
            words(one, "run")
            with live(few) as other, pytest.raises(ConnectionClosed, match="1013"):
                other.recv(timeout=60)
            assert get(few, "/stream.mjpg")[0] == 503
    finally:
        few.close()


def test_health_and_state() -> None:
    controls = Controls()
    options = SinkOptions(controls=controls, state=lambda: {"fps": float("nan"), "frames": 3})
    with open_sink("http://127.0.0.1:0", options) as sink:
        server = sink._server
        assert get(server, "/healthz")[0] == 503  # no picture yet
        sink.write(now(0))
        assert get(server, "/healthz")[0] == 200
        state = json.loads(get(server, "/state")[2])
        assert (state["fps"], state["frames"], state["web"]["status"]) == (None, 3, "live")
        status, headers, text = get(server, "/metrics")
        assert (status, headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert "\nlivecam_frames 3\n" in text
        controls.alarm("recording stopped: no space left on device")
        status, _, text = get(server, "/healthz")
        assert status == 503
        assert json.loads(text)["alarms"] == ["recording stopped: no space left on device"]
        with live(server) as viewer:
            assert words(viewer, "run")["alarm"] == "recording stopped: no space left on device"
        old = now(1)
        server.show(type(old)(old.frame.captured(time.monotonic() - 60), old.image, None, None))
        assert get(server, "/healthz")[0] == 503


def test_a_port_in_use_is_named(server: Server) -> None:
    with pytest.raises(SinkError, match=f"port {server.address.port} is in use; choose another") as failure:
        open_sink(f"http://127.0.0.1:{server.address.port}")
    assert failure.value.exit_code == 5


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_addresses_of_others(host: str) -> None:
    with pytest.raises(SinkError, match="address"):
        open_sink(f"http://{host}:0")


def test_who_watches_is_told_the_end(server: Server) -> None:
    with live(server) as socket:
        words(socket, "view")
        server.close()
        with pytest.raises(ConnectionClosed, match=r"1001|1012"):
            socket.recv(timeout=60)


def test_a_picture_that_cannot_be_sent_is_the_sinks_failure(server: Server) -> None:
    with live(server) as socket, pytest.raises(SinkError, match="cannot be a JPEG"):
        words(socket, "view")
        wide = now(0, image=np.zeros((1, 70_000, 3), np.uint8))
        while True:
            server.show(wide)
            server._thread.join(0.01)


def test_one_server_for_a_sink_and_a_source(capsys: pytest.CaptureFixture[str]) -> None:
    first = lend(Address("127.0.0.1", 0))
    address = f"http://{first.address.netloc}"
    assert capsys.readouterr().err == f"open {address}/ in a browser\n"
    with open_source(f"browser:{address}") as source, open_sink(address) as sink:
        assert isinstance(source, BrowserSource)
        assert source._server is sink._server is first
        give_back(first)
        with live(first, "/camera") as camera:
            for _ in range(3):
                assert words(camera, "next") is True
                camera.send(jpeg())
                frame = source.read()
                assert frame is not None
                assert sink.write(now(frame.index, image=frame.image))
        sink.close()
        assert get(first, "/")[0] == 200  # the source still needs it
    assert not first._thread.is_alive()
    assert capsys.readouterr().err == ""


# ---- a browser's camera


@pytest.mark.parametrize("size", [(48, 64), (1, 1), (300, 17)])
def test_the_size_is_read_before_decoding(size: tuple[int, int]) -> None:
    assert jpeg_size(jpeg(size)) == size[::-1]


def test_hostile_jpegs_have_no_size() -> None:
    good = jpeg()
    random = np.random.default_rng(1)
    for cut in range(len(good)):
        jpeg_size(good[:cut])
        jpeg_size(good[:cut] + b"\xff\xd9")
    for _ in range(2000):
        jpeg_size(b"\xff\xd8" + random.bytes(60) + b"\xff\xd9")
    assert jpeg_size(good[:-2]) is None
    assert jpeg_size(b"") is None
    assert jpeg_size(b"\xff\xd8\xff\xd9") is None


def bomb(width: int, height: int) -> bytes:
    """A small JPEG that says to be large."""
    good = bytearray(jpeg())
    at = good.index(b"\xff\xc0")
    struct.pack_into(">HH", good, at + 5, height, width)
    return bytes(good)


@pytest.mark.parametrize(
    "hostile", [b"", b"hello", jpeg()[:-2], bomb(65000, 65000), bomb(0, 5), b"\xff\xd8" + b"\0" * 3 * 2**20]
)
def test_pictures_that_are_refused(server: Server, hostile: bytes) -> None:
    with BrowserSource(server) as source, live(server, "/camera") as camera:
        words(camera, "next")
        with pytest.raises(ConnectionClosed):  # the largest one while it is still being sent
            camera.send(hostile)
            words(camera, "nothing")
        with live(server, "/camera") as good:  # and the next page is welcome
            words(good, "next")
            good.send(jpeg())
            assert source.read() is not None


def test_a_camera_is_only_taken_when_asked_for_and_once(server: Server) -> None:
    with live(server, "/camera") as camera, pytest.raises(ConnectionClosed, match="4404"):
        camera.recv(timeout=60)
    with BrowserSource(server), live(server, "/camera") as camera:
        words(camera, "next")
        with live(server, "/camera") as second, pytest.raises(ConnectionClosed, match="1013"):
            second.recv(timeout=60)
        with pytest.raises(SinkError, match="being read already"):
            server.open_feed()


def test_the_first_picture_decides_the_size(server: Server) -> None:
    with BrowserSource(server) as source, live(server, "/camera") as camera:
        for size in ((64, 48), (48, 64)):
            words(camera, "next")
            camera.send(jpeg(size))
            frame = source.read()
            assert frame is not None
            assert frame.image.shape == (64, 48, 3)
            assert (source.info.width, source.info.height) == (48, 64)
    assert not frame.image[:10].any()  # the turned one has black above it


def test_fitted_keeps_the_shape() -> None:
    white = np.full((100, 200, 3), 255, np.uint8)
    out = fitted(white, 100, 100)
    assert (out[25:75] == 255).all()
    assert not out[:25].any()
    assert not out[75:].any()


def test_without_the_extra() -> None:
    script = "import sys; sys.modules['uvicorn'] = None; import livecam.sinks as s; s.open_sink('http://127.0.0.1:0')"
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MissingExtra: the page needs uvicorn: pip install 'livecam[web]'" in ended.stderr
