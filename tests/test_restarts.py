from livecam.restarts import LONGEST_PAUSE_S, PAUSE_S, SOON_S, Restarts


def deaths(restarts, count, now=0.0, lived_s=1.0):
    """Delays of ``count`` workers, each of which lives for ``lived_s``; and the time after them."""
    delays = []
    for _ in range(count):
        now += lived_s
        delays.append(restarts.delay(now, lived_s))
        now += delays[-1]
    return delays, now


def test_five_in_a_minute_then_pauses_that_grow_up_to_a_limit():
    delays, _ = deaths(Restarts(), 60)
    assert delays[:12] == [SOON_S] * 5 + [PAUSE_S] + [SOON_S] * 5 + [2 * PAUSE_S]
    assert max(delays) == delays[-1] == LONGEST_PAUSE_S


def test_one_death_in_a_quarter_of_a_minute_is_lived_with():
    restarts = Restarts()
    delays, _ = deaths(restarts, 100, lived_s=15.0)
    assert delays == [SOON_S] * 100
    assert restarts.count == 100


def test_a_worker_that_was_well_for_long_makes_up_for_its_predecessors():
    restarts = Restarts()
    _, now = deaths(restarts, 12)
    delays, _ = deaths(restarts, 1, now, lived_s=3600.0)
    assert delays == [SOON_S]
    assert deaths(restarts, 5, now + 3601)[0][-1] == PAUSE_S  # and not four times as long
