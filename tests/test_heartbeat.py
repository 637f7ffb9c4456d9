import socket

import pytest

from livecam.health import ALWAYS_LIVE, SourceHealth, State
from livecam.heartbeat import ALIVE, EXPLAINING_S, LATE_S, OPENING_S, READY, Heart, Systemd


class Heard(list):
    def send(self, *messages):
        self.append(messages)


@pytest.fixture
def heard():
    return Heard()


def test_ready_with_the_first_picture_then_at_most_one_a_second(heard):
    heart = Heart(heard)
    for number in range(91):
        heart.presented(number, number, ALWAYS_LIVE, number / 30)
    assert heard == [(READY, ALIVE), (ALIVE,), (ALIVE,), (ALIVE,)]


def test_the_same_picture_again_is_no_sign_of_life(heard):
    heart = Heart(heard)
    for second in range(100):
        heart.presented(5, second, SourceHealth(State.STALE), float(second))
    assert heard == [(READY, ALIVE)]


def test_an_unplugged_camera_is_no_reason_to_be_restarted(heard):
    heart = Heart(heard)
    for second in range(3600):
        heart.presented(-1, 0, SourceHealth(State.LOST, 0.0, "unplugged", retry_at=second + 20.0), float(second))
    assert len(heard) == 3600


@pytest.mark.parametrize(
    ("health", "longest"),
    [
        (SourceHealth(State.LOST, 0.0, retry_at=30.0), 30.0 + LATE_S),
        (SourceHealth(State.CONNECTING, 0.0), OPENING_S),
    ],
    ids=["lost", "connecting"],
)
def test_a_source_that_has_ceased_to_try_is(heard, health, longest):
    heart = Heart(heard)
    for second in range(1000):
        heart.presented(-1, 0, health, float(second))
    assert len(heard) == int(longest) + 1


def test_pictures_without_any_explanation_are_not_enough(heard):
    heart = Heart(heard)
    for second in range(1000):
        heart.presented(second, 7, ALWAYS_LIVE, float(second))
    assert len(heard) == int(EXPLAINING_S) + 1


def test_an_outage_longer_than_that_does_not_count_as_a_network_that_hangs(heard):
    heart = Heart(heard)
    for second in range(500):
        heart.presented(0, 1, SourceHealth(State.LOST, 0.0, retry_at=second + 1.0), float(second))
    heart.presented(1, 1, ALWAYS_LIVE, 501.0)
    assert len(heard) == 501


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_systemd_gets_datagrams(tmp_path, abstract):
    name = "@livecam-test-" + tmp_path.name if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name[1:] if abstract else name)
        manager.settimeout(10)
        systemd = Systemd({"NOTIFY_SOCKET": name})
        systemd.send(READY, ALIVE)
        assert manager.recv(100) == b"READY=1\nWATCHDOG=1"
    systemd.send(ALIVE)  # nobody listens any more
    systemd.close()


def test_without_systemd_nothing_is_sent():
    systemd = Systemd({})
    systemd.send(READY)
    systemd.close()
