"""``livecam kiosk`` in processes of its own; what it says to systemd is what the tests wait for."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MAIN = "from livecam.cli import program; program()"
SOURCE = "test://?size=64x48&fps=30"
DEADLINE_S = 100.0
WATCH_WRITES = """
import os, sys
def hook(event, args):
    if event == "open":
        path, mode, flags = args
        writing = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else False
        if writing and isinstance(path, (str, bytes)):
            sys.stderr.write(f"WRITES {os.fsdecode(path)}\\n")
    elif event in ("os.mkdir", "os.rename", "shutil.copyfile"):
        sys.stderr.write(f"WRITES {args[0]}\\n")
sys.addaudithook(hook)
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVECAM_") and name != "DISPLAY"}
    return kept | {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}


@contextmanager
def told(environment: dict[str, str], folder: Path) -> Iterator[socket.socket]:
    """In systemd's place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(DEADLINE_S)
        environment["NOTIFY_SOCKET"] = str(folder / "notify")
        yield manager


@contextmanager
def kiosk(environment: dict[str, str], *args: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", MAIN, "kiosk", *args]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def children(process: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
class TestProcesses:
    def test_a_killed_worker_comes_back_and_a_signal_ends_both(self, environment, tmp_path):
        with told(environment, tmp_path) as manager, kiosk(environment, SOURCE, "-o", "null") as supervisor:
            assert manager.recv(100) == b"READY=1"
            (first,) = children(supervisor.pid)
            os.kill(first, signal.SIGKILL)
            assert supervisor.stderr is not None
            assert "the worker was ended by SIGKILL; started again in 1 s" in supervisor.stderr.readline()
            second: list[int] = []
            while not second:
                assert manager.recv(100) == b"WATCHDOG=1"  # also while there is no worker
                second = children(supervisor.pid)
            assert manager.recv(100) == b"WATCHDOG=1"
            assert second != [first]
            supervisor.send_signal(signal.SIGTERM)
            assert supervisor.wait(DEADLINE_S) == 130
            assert not Path(f"/proc/{second[0]}").exists()

    def test_no_worker_outlives_its_supervisor(self, environment, tmp_path):
        with told(environment, tmp_path) as manager, kiosk(environment, SOURCE, "-o", "null") as supervisor:
            assert manager.recv(100) == b"READY=1"
            (worker,) = children(supervisor.pid)
            handle = os.pidfd_open(worker)
            supervisor.kill()
            assert select.select([handle], [], [], DEADLINE_S)[0], "an orphan"
            os.close(handle)

    def test_a_camera_that_is_not_there_is_waited_for(self, environment, tmp_path):
        with told(environment, tmp_path) as manager, kiosk(environment, "/dev/video987", "-o", "null") as supervisor:
            assert manager.recv(100) == b"READY=1"
            for _ in range(3):
                assert manager.recv(100) == b"WATCHDOG=1"
            supervisor.send_signal(signal.SIGINT)
            assert supervisor.wait(DEADLINE_S) == 130


def run(environment: dict[str, str], folder: Path, *args: str, before: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", before + MAIN, "kiosk", *args],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
    )


def test_nothing_is_written_but_the_cache_of_models(environment, tmp_path):
    cache, temporary, here = (tmp_path / name for name in ("cache", "tmp", "here"))
    for folder in (cache, temporary, here):
        folder.mkdir()
    compiler = {"TORCHINDUCTOR_CACHE_DIR": str(temporary / "inductor")}
    environment |= {"XDG_CACHE_HOME": str(cache), "TMPDIR": str(temporary)} | compiler
    args = ("-o", "null", "--no-supervisor", "--max-frames", "90", "--retry-delay", "0.1", "--json")

    def written() -> list[str]:
        done = run(environment, here, SOURCE + "&faults=3", *args, before=WATCH_WRITES)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["frames_in"] == 90
        return [line.removeprefix("WRITES ") for line in done.stderr.splitlines() if line.startswith("WRITES ")]

    def outside(paths: list[str]) -> list[str]:
        return [path for path in paths if not path.startswith((str(cache), os.devnull))]

    compiling = written()
    assert any(path.startswith(str(cache)) for path in compiling), "the hook sees what is written"
    # A compiler has its own temporary folder, once.
    assert [path for path in outside(compiling) if not path.startswith(str(temporary))] == []
    assert outside(written()) == []
    # And by whatever does not ask Python: nothing elsewhere.
    left = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"cache"}


def test_a_sink_that_writes_is_refused_and_allowed(environment, tmp_path):
    refused = run(environment, tmp_path, SOURCE, "-o", "out.mp4", "--no-supervisor", "--max-frames", "5")
    assert refused.returncode == 2
    assert "--allow-recording" in refused.stderr
    assert not (tmp_path / "out.mp4").exists()
    flags = ("--no-supervisor", "--max-frames", "5", "--allow-recording")
    allowed = run(environment, tmp_path, SOURCE, "-o", "out.mp4", *flags)
    assert allowed.returncode == 0, allowed.stderr
    assert (tmp_path / "out.mp4").stat().st_size


def test_what_never_worked_is_not_tried_again(environment, tmp_path):
    done = run(environment, tmp_path, "nowhere.mp4", "-o", "null")
    assert done.returncode == 3
    assert "started again" not in done.stderr
    profile = tmp_path / "kiosk.toml"
    profile.write_text('[kiosk]\nnotices = ["a"]\n')
    done = run(environment, tmp_path, "--profile", str(profile))
    assert done.returncode == 2
    assert "kiosk.notices" in done.stderr


def test_the_sample_profile_says_what_the_defaults_are(tmp_path):
    from livecam.config import Kiosk, resolve

    text = (Path(__file__).parents[2] / "scripts" / "kiosk.toml").read_text()
    profile = tmp_path / "kiosk.toml"
    commented = [line.lstrip("# ") if " = [" in line else line for line in text.splitlines()]
    profile.write_text("\n".join(commented))
    assert resolve({}, profile).kiosk == Kiosk()
