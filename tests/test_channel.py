import threading

import pytest

from livecam.channel import Channel, Closed, Full

JOIN_S = 10


def run(function, *args):
    """Run in a thread; returns a function that joins it and gives its result or raises its exception."""
    box = {}

    def work():
        try:
            box["value"] = function(*args)
        except BaseException as error:  # noqa: BLE001  it is raised again by result()
            box["error"] = error

    thread = threading.Thread(target=work)
    thread.start()

    def result():
        thread.join(JOIN_S)
        assert not thread.is_alive(), "the thread was not woken"
        if "error" in box:
            raise box["error"]
        return box["value"]

    return result


def test_wait_keeps_every_item_in_order_over_threads():
    channel = Channel(2, Full.WAIT)

    def write():
        for number in range(1000):
            channel.put(number)
        channel.close()

    written = run(write)
    assert list(channel) == list(range(1000))
    written()
    assert channel.dropped == 0


def test_latest_keeps_the_newest_and_counts_the_rest():
    channel = Channel(1, Full.LATEST)
    for number in range(5):
        channel.put(number)
    assert channel.get() == 4
    assert channel.dropped == 4


def test_close_wakes_a_reader():
    channel = Channel(1, Full.WAIT)
    reader = run(channel.get)
    channel.close()
    with pytest.raises(Closed):
        reader()


def test_discard_wakes_a_writer_that_waits_for_room():
    channel = Channel(1, Full.WAIT)
    channel.put(1)
    writer = run(channel.put, 2)
    channel.discard()
    with pytest.raises(Closed):
        writer()


def test_the_error_comes_after_the_items_and_is_the_original():
    channel, error = Channel(3, Full.WAIT), ValueError("boom")
    channel.put(1)
    channel.close(error)
    assert channel.get() == 1
    with pytest.raises(ValueError, match="boom") as caught:
        channel.get()
    assert caught.value is error


def test_the_first_close_counts():
    channel = Channel(1, Full.WAIT)
    channel.close(ValueError("first"))
    channel.close(KeyError("second"))
    with pytest.raises(ValueError, match="first"):
        channel.get()


def test_get_gives_up_after_its_timeout():
    with pytest.raises(TimeoutError):
        Channel(1, Full.WAIT).get(0)
