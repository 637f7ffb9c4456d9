"""A signal while a pass that takes long is under way: the files are finalised, and the exit code is the contract's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from livecam import cli
from livecam._av import av
from livecam.cli import _interrupt
from livecam.cli._interrupt import Interrupt
from livecam.signals import patient
from livecam.sinks import BaseSink
from livecam.sinks.threaded import ThreadedSink

SOURCE = "test://?size=64x48&fps=30"
DEADLINE_S = 100.0
NETWORK = """
import datetime, sys, threading, time
import torch
from torch.distributed import HashStore

store, passes = HashStore(), iter(range(10**9))


class Returning:
    def __del__(self, store=store, sleep=time.sleep):
        # The interpreter is being finalised: now the pass returns, and wants back into Python.
        store.set("returned", "")
        sleep(1)


returning = Returning()


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.features = torch.nn.Conv2d(3, 8, 3, stride=8)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, x):
        if threading.current_thread().name == "livecam-explain" and next(passes) == 5:
            print("INSIDE", file=sys.stderr, flush=True)
            store.wait(["returned"], datetime.timedelta(seconds=90))  # in C++, without the interpreter's lock
        return self.head(self.features(x).mean((2, 3)))
"""


@pytest.mark.parametrize(
    ("verb", "signals"),
    [
        (("annotate", SOURCE), [signal.SIGINT] * 4),  # somebody is in a hurry
        (("kiosk", SOURCE, "--no-supervisor", "--allow-recording"), [signal.SIGTERM]),
    ],
)
def test_a_pass_that_does_not_return_costs_neither_files_nor_the_exit_code(tmp_path, verb, signals):
    (tmp_path / "slow.py").write_text(NETWORK)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIVECAM_")}
    network = ["--model", "slow:Network", "--layer", "features", "--backend", "torch", "--device", "cpu"]
    command = [sys.executable, "-m", "livecam", *verb, "-o", "out.mp4", *network, "--input-size", "64"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as run:
        said = []
        for line in run.stderr:
            said.append(line)
            if "INSIDE" in line:
                break
        for number in signals:
            run.send_signal(number)
        said.append(run.communicate(timeout=DEADLINE_S)[1])
    assert run.returncode == 130, "".join(said)
    assert "terminate" not in "".join(said)
    assert "Traceback" not in "".join(said)
    with av.open(str(tmp_path / "out.mp4")) as film:
        pictures = sum(1 for _ in film.decode(video=0))
    assert pictures > 0
    if verb[0] == "annotate":
        *_, last = map(json.loads, Path(tmp_path / "out.mp4.jsonl").read_text().splitlines())
        assert (last["type"], last["frames"]) == ("end", pictures)
    assert not list(tmp_path.glob(".*.part"))


def test_who_waits_for_a_disk_that_hangs_gets_out(monkeypatch):
    class Hangs(BaseSink):
        def write(self, _annotated):
            hanging.set()
            return back.wait()

    hanging, back = threading.Event(), threading.Event()
    sink = ThreadedSink(Hangs())
    sink.write(object())
    hanging.wait()
    with Interrupt() as interrupt, patient():
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGINT)  # files may be being finalised: it waits
        assert interrupt.requested
        monkeypatch.setattr(_interrupt, "PATIENCE_S", 0)
        again = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            again.start()
            sink.close()
    back.set()
    again.join()
    sink._queue.close()
    sink._worker.join()


def test_main_in_a_process_that_goes_on_does_not_end_it(monkeypatch):
    """Only ``program`` leaves without finalising the interpreter: this process has more to do."""
    held = threading.Event()
    abandoned = threading.Thread(target=held.wait, name="livecam-abandoned", daemon=True)
    abandoned.start()
    try:
        monkeypatch.setattr(sys, "argv", ["livecam", "annotate", "none.mp4"])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 3
    finally:
        held.set()
        abandoned.join()
