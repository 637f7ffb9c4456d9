import subprocess
import sys
import threading

import numpy as np
import pytest

from livecam.stats import WINDOW, Stats


def test_only_the_last_values_count_and_nothing_grows():
    stats = Stats()
    for number in range(3 * WINDOW):
        stats.measure("age_ms", number)
    wanted = np.percentile(np.arange(2 * WINDOW, 3 * WINDOW), (50, 95, 99))
    assert list(stats.measures()["age_ms"].values()) == pytest.approx(wanted, abs=1e-3)
    assert stats._measures["age_ms"]._values.size == WINDOW


def test_measures_from_many_threads_are_all_counted():
    stats = Stats()
    threads = [
        threading.Thread(target=lambda: [(stats.add("s", 0.002), stats.drop("late")) for _ in range(500)])
        for _ in "1234"
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stats.dropped == {"late": 2000}
    assert stats._seconds["s"].values().size == 2000
    assert stats.stages() == {"s": {"p50_ms": 2.0, "p95_ms": 2.0, "p99_ms": 2.0}}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere the system's own figure is taken")
def test_peak_memory_is_not_that_of_the_process_before():
    code = """
import subprocess, sys
held = bytearray(400 * 2**20)
held[:: 4096] = b"x" * len(held[:: 4096])
code = "from livecam.stats import peak_rss_mb; print(peak_rss_mb())"
print(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 10 < float(done.stdout) < 300
