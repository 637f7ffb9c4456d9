"""A process that keeps another one running: it starts the worker, hears its heart, and starts it again.

It loads no model and reads no camera, so that what breaks in the worker does not break here.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence

from livecam.cli._console import say
from livecam.cli._curtain import Curtain
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.cli._leash import GO, TAKE_OVER, messages
from livecam.errors import ConfigError, SourceError
from livecam.heartbeat import ALIVE, EVERY_S, READY, Receiver
from livecam.restarts import Restarts

TICK_S = 0.1
START_S = 300.0  # until the first picture: a model may have to be compiled first
HANG_S = 20.0  # between two heartbeats; a source that stalls is given up before that
LEAVE_S = 10.0  # for finalising what is recorded
HOPELESS = (ConfigError.exit_code, SourceError.exit_code)  # when it has never run: the next start ends the same way


class Supervisor:
    """Runs a worker, ``command(descriptor)`` with the descriptor of its leash, until that ends or a signal comes.

    receiver: told what the worker's heart says; and, while no worker runs, that the curtain is being shown: the service
    manager is not to end a supervisor for the pauses that it makes. interrupt: entered already.
    """

    def __init__(
        self,
        command: Callable[[int], Sequence[str]],
        curtains: Sequence[Curtain],
        receiver: Receiver,
        interrupt: Interrupt,
        *,
        restarts: Restarts | None = None,
        start_s: float = START_S,
        hang_s: float = HANG_S,
    ) -> None:
        self._command, self._curtains, self._receiver = command, list(curtains), receiver
        self._interrupt, self._restarts = interrupt, restarts or Restarts()
        self._start_s, self._hang_s = start_s, hang_s
        self._ready = False

    def run(self) -> int:
        """Returns the exit code of the command."""
        while True:
            started = time.monotonic()
            code = self._run_once()
            if self._interrupt.requested:
                return INTERRUPTED
            if code == 0 or (code in HOPELESS and not self._ready):
                return code
            now = time.monotonic()
            delay_s = self._restarts.delay(now, now - started)
            say(f"the worker {_ended(code)}; started again in {delay_s:.0f} s")
            self._wait(delay_s)
            if self._interrupt.requested:
                return INTERRUPTED

    def _run_once(self) -> int:
        """The exit code of one worker, negative for a signal."""
        for curtain in self._curtains:
            curtain.drop()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                # A process group of its own: Ctrl-C comes here alone, and is passed on once.
                worker = subprocess.Popen(self._command(theirs.fileno()), pass_fds=[theirs.fileno()], process_group=0)
            try:
                return self._watch(worker, ours)
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS, of a zombie
                    os.killpg(worker.pid, signal.SIGKILL)  # and whatever it has started
                worker.wait()
                for curtain in self._curtains:
                    curtain.drop()

    def _watch(self, worker: subprocess.Popen[bytes], leash: socket.socket) -> int:
        heard, limit_s = time.monotonic(), self._start_s
        with selectors.DefaultSelector() as selector:
            selector.register(leash, selectors.EVENT_READ)
            while not self._interrupt.requested:
                if selector.select(TICK_S):
                    try:
                        received = leash.recv(4096)
                    except ConnectionError:
                        received = b""
                    if not received:
                        break  # it has ended, or is about to
                    if self._heard(messages(received), leash):
                        heard, limit_s = time.monotonic(), self._hang_s
                for curtain in self._curtains:
                    curtain.tick()
                if time.monotonic() - heard > limit_s:
                    say(f"the worker shows no new picture for {limit_s:.0f} s")
                    worker.kill()
                    break
        if self._interrupt.requested:
            worker.terminate()
        try:
            return worker.wait(LEAVE_S)
        except subprocess.TimeoutExpired:
            worker.kill()
            return worker.wait()

    def _heard(self, said: Iterable[str], leash: socket.socket) -> bool:
        """Has the heart beaten?"""
        beaten = False
        for message in said:
            if message == TAKE_OVER:
                for curtain in self._curtains:
                    curtain.part()
                leash.sendall(f"{GO}\n".encode())
            elif message in (READY, ALIVE):
                beaten = True
                if message == ALIVE or not self._ready:
                    self._receiver.send(message)
                self._ready = True
        if beaten:
            for curtain in self._curtains:
                curtain.lift()
        return beaten

    def _wait(self, seconds: float) -> None:
        until, told = time.monotonic() + seconds, 0.0
        while (now := time.monotonic()) < until and not self._interrupt.requested:
            for curtain in self._curtains:
                curtain.tick()
            if now - told >= EVERY_S:
                self._receiver.send(ALIVE)
                told = now
            time.sleep(min(TICK_S, until - now))


def _ended(code: int) -> str:
    return f"was ended by {signal.Signals(-code).name}" if code < 0 else f"has ended with code {code}"
