"""The supervisor with small workers, and what is shown while there is none."""

from __future__ import annotations

import socket
import sys
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from livecam.cli._curtain import PageCurtain
from livecam.cli._interrupt import Interrupt
from livecam.cli._supervisor import Supervisor

WORKER = """
import sys, time
from pathlib import Path
from livecam.cli._leash import Leash
leash, life = Leash(int(sys.argv[1])), Path(sys.argv[2])
life.write_text(life.read_text() + "x")
lives = len(life.read_text())
"""
BEAT = "leash.take_over(); leash.send('READY=1', 'WATCHDOG=1')\n"


class Notes(list):
    """A curtain, and a receiver, that writes down what it is told."""

    def drop(self):
        self.append("drop")

    def part(self):
        self.append("part")

    def lift(self):
        self.append("lift")

    def tick(self):
        pass

    def send(self, message):
        self.append(message)


@pytest.fixture
def life(tmp_path):
    path = tmp_path / "life"
    path.write_text("")
    return path


def supervise(life, code, curtain=None, receiver=None, **limits):
    def command(descriptor):
        return [sys.executable, "-c", WORKER + code, str(descriptor), str(life)]

    curtains = [] if curtain is None else [curtain]
    with Interrupt() as interrupt:
        return Supervisor(command, curtains, Notes() if receiver is None else receiver, interrupt, **limits).run()


def test_a_worker_that_hangs_is_started_again(life):
    curtain, receiver = Notes(), Notes()
    code = supervise(life, BEAT + "if lives == 1: time.sleep(1000)", curtain, receiver, hang_s=0.5)
    assert (code, life.read_text()) == (0, "xx")
    assert curtain == ["drop", "part", "lift", "drop", "drop", "part", "lift", "drop"]
    assert receiver.count("READY=1") == 1
    assert receiver.count("WATCHDOG=1") >= 3


def test_one_that_never_shows_anything_too(life):
    assert supervise(life, "if lives == 1: time.sleep(1000)", start_s=3.0) == 0
    assert life.read_text() == "xx"


@pytest.mark.parametrize(("code", "hopeless"), [(2, True), (3, True), (5, False), (6, False)])
def test_an_error_that_cannot_go_away_ends_it(life, code, hopeless):
    assert supervise(life, f"sys.exit({code} if lives == 1 else 0)") == (code if hopeless else 0)


def test_one_that_has_run_is_always_started_again(life):
    assert supervise(life, BEAT + "sys.exit(3 if lives == 1 else 0)") == 0
    assert life.read_text() == "xx"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_the_page_says_back_soon_until_the_worker_takes_the_port():
    address = f"http://127.0.0.1:{free_port()}"
    with closing(PageCurtain(address, ["Back <soon>", "马上回来"])) as curtain:
        for path in ("/", "/live", "/stream.mjpg?x=1"):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(address + path, timeout=20)
            with caught.value as answer:
                assert answer.code == 503
                assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
                page = answer.read().decode()
            assert "<p>Back &lt;soon&gt;</p><p>马上回来</p>" in page
            assert '<script src="/back-soon.js"' in page
        with urllib.request.urlopen(address + "/back-soon.js", timeout=20) as answer:
            assert b"location.reload()" in answer.read()
        curtain.part()
        with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))):
            curtain.drop()  # somebody else has it: no error
        curtain.drop()
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(address, timeout=20)
        caught.value.close()
