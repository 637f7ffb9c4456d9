"""Who is served next: nobody waits longer than one turn of each of the others, however fast they are."""

import heapq
import random
import threading

import pytest

from livecam.channel import Closed
from livecam.clock import ManualClock
from livecam.pipeline._turns import Turns


@pytest.mark.parametrize("together", [1, 3, 8])
@pytest.mark.parametrize("seed", range(10))
def test_nobody_is_served_twice_while_another_waits(seed, together):
    """Cameras of any rate, between 1 and 500 pictures a second, and a network of any speed."""
    rng, clock = random.Random(seed), ManualClock()
    count = rng.randint(2, 8)
    periods = [1 / rng.choice([1, 5, 15, 30, 60, 500]) for _ in range(count)]
    kinds = [rng.randint(0, 2) for _ in range(count)]
    turns = Turns(count, together, lambda item: item[0])
    due = [(rng.random() * period, number) for number, period in enumerate(periods)]
    heapq.heapify(due)
    newest, ahead = [None] * count, {}  # who waits → who stood before him when he came
    served = [0] * count
    for _ in range(400):
        while due[0][0] <= clock.now() or not ahead:
            at, number = heapq.heappop(due)
            clock.advance(max(at - clock.now(), 0))
            newest[number] = (kinds[number], at)
            turns.places[number].put(newest[number])
            ahead.setdefault(number, set(ahead))
            heapq.heappush(due, (at + periods[number], number))
        turn = turns.get()
        first = next(iter(ahead))
        assert turn[0][0] == first  # whoever has waited longest
        assert len(turn) <= together and len({item[0] for _, item in turn}) == 1
        for number, item in turn:
            assert item == newest[number]
            del ahead[number]
            served[number] += 1
        if together >= count:  # nobody like the first one is left behind
            assert not any(kinds[number] == kinds[first] for number in ahead)
        for waiting, before in ahead.items():
            assert first in before, f"{first} had a turn of its own, and {waiting} stood in line before it"
            before.discard(first)
        clock.advance(rng.choice([0.001, 0.005, 0.05, 0.3]))
    slowest = max(periods)
    assert all(served[number] for number in range(count) if clock.now() > 3 * slowest)


def test_the_reader_waits_for_the_first_and_ends_with_the_last():
    turns, got = Turns[str](2), []

    def read():
        try:
            while True:
                got.append(turns.get())
        except Closed:
            got.append("end")

    thread = threading.Thread(target=read)
    thread.start()
    one, other = turns.places
    one.close()
    one.close()
    other.put("last")
    other.close()
    thread.join(20)
    assert got == [[(1, "last")], "end"]


def test_a_reader_that_wants_no_more_ends_the_writers():
    turns = Turns[str](1)
    turns.places[0].put("never read")
    turns.discard()
    with pytest.raises(Closed):
        turns.get()
    with pytest.raises(Closed):
        turns.places[0].put("nobody is there")
