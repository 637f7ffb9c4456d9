"""Reads damaged clips in processes that are used again, so that a crash or a hang of a decoder is noticed."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType

from mutants import mutant

HANG_S = 30.0  # of computing, or of doing nothing at all
BAD = ("crash", "hang", "traceback", "not written")  # the last: what can be decoded can be recorded
WORKER = Path(__file__).with_name("fuzz_worker.py")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of one mutant. outcome: read, refused, out of memory, or one of BAD. line: what was said, or what happened."""

    clip: Path
    seed: int
    outcome: str
    pictures: int
    errors: int
    line: str
    seconds: float


class Worker:
    """One process; it is started again when it has died. A context manager."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def read(self, path: Path) -> dict[str, object]:
        process = self._process = self._process or self._started()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(f"{path}\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._lost("crash")
        began = used = _cpu_s(process.pid)
        while not select.select([process.stdout], [], [], HANG_S)[0]:
            before, used = used, _cpu_s(process.pid)
            if used - began >= HANG_S or used == before:  # and not only kept waiting by a busy machine
                return self._lost("hang")
        answer = process.stdout.readline()
        return json.loads(answer) if answer else self._lost("crash")

    @staticmethod
    def _started() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(WORKER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )

    def _lost(self, outcome: str) -> dict[str, object]:
        return {"outcome": outcome, "line": f"exit code {self.close()}"}

    def close(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        assert process.stdin and process.stdout
        try:
            process.stdin.close()
            return process.wait(1)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            process.kill()
            return process.wait()
        finally:
            process.stdout.close()

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _cpu_s(pid: int) -> float:
    """Seconds for which a process has computed; Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fuzz(clips: list[Path], seeds: Iterable[int], folder: Path, workers: int = 2) -> Iterator[Verdict]:
    """Each seed damages one of the clips in turn. The files of bad ones are kept in ``folder``, others removed."""
    free: SimpleQueue[Worker] = SimpleQueue()
    hands = [Worker() for _ in range(workers)]
    for hand in hands:
        free.put(hand)

    def judge(seed: int) -> Verdict:
        clip = clips[seed % len(clips)]
        path = folder / f"{clip.stem}-{seed}{clip.suffix}"
        path.write_bytes(mutant(clip.read_bytes(), seed))
        hand, began = free.get(), time.monotonic()
        try:
            said = hand.read(path)
        finally:
            free.put(hand)
        outcome = str(said["outcome"])
        if outcome not in BAD:
            path.unlink()
        counts = (int(str(said.get(name, 0))) for name in ("pictures", "errors"))
        return Verdict(clip, seed, outcome, *counts, str(said.get("line", "")), time.monotonic() - began)

    try:
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(judge, seeds)
    finally:
        for hand in hands:
            hand.close()
