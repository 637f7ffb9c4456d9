"""``livecam kiosk``: a camera, explained for visitors, unattended."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from livecam.addresses import is_page
from livecam.cli._console import console, emit, say
from livecam.cli._interrupt import INTERRUPTED, Interrupt
from livecam.cli._options import CAMERA, FAULTS, LOOK, MODEL, STREAM, flags, settings
from livecam.errors import ConfigError
from livecam.masking import masked

if TYPE_CHECKING:
    from livecam.config import Settings

WORKER = [sys.executable, "-m", "livecam"]
SHOWN = ("fullscreen", "memory", "null")


@click.command()
@click.argument("source", required=False)
@click.option(
    "-o", "--output", metavar="SINK", multiple=True, help="display (the whole screen), or http://127.0.0.1:8080."
)
@click.option(
    "--profile", "--config", "config_file", type=click.Path(path_type=Path), help="Settings as TOML, with [kiosk]."
)
@click.option("--allow-recording", is_flag=True, help="Allow sinks that write files; nothing is written without it.")
@click.option("--no-supervisor", is_flag=True, help="In this process alone; nobody starts it again.")
@click.option("--heartbeat", type=int, hidden=True)  # descriptor; set by the supervisor for its worker
@click.option("--force", is_flag=True, help="Overwrite what exists.")
@click.option("--json", "as_json", is_flag=True, help="The report as one JSON object on stdout.")
@flags(MODEL, LOOK, STREAM, CAMERA, FAULTS)
def command(
    source: str | None,
    output: tuple[str, ...],
    config_file: Path | None,
    allow_recording: bool,
    no_supervisor: bool,
    heartbeat: int | None,
    force: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Explain a camera for visitors, unattended: on the whole screen, or as a page.

    A lost camera is waited for, a worker that has died is started again. It ends with a signal, or, on a screen, when
    Ctrl, Shift and the left mouse button are held for three seconds; there are no other keys.
    """
    console()
    chosen = settings(config_file, given)
    outputs = ["fullscreen" if spec == "display" else spec for spec in output or (chosen.kiosk.output,)]
    for spec in outputs:
        if not (allow_recording or spec in SHOWN or is_page(spec)):
            raise ConfigError(f"-o {masked(spec)}: a kiosk writes no file; add --allow-recording if it shall")
    with Interrupt() as interrupt:
        if heartbeat is None:
            for spec in outputs:
                if is_page(spec):
                    say(f"on the exhibit's screen: {chromium(spec)}")
            if not no_supervisor:
                return _supervise(outputs, chosen, interrupt)
        report = _work(source or chosen.kiosk.source, outputs, chosen, heartbeat, interrupt, force)
    if as_json:
        emit(report)
    return INTERRUPTED if interrupt.requested else 0


def _supervise(outputs: list[str], chosen: Settings, interrupt: Interrupt) -> int:
    from livecam.cli._curtain import curtains
    from livecam.cli._supervisor import Supervisor
    from livecam.heartbeat import Systemd

    def worker(descriptor: int) -> list[str]:
        verb, *rest = sys.argv[1:]
        return [*WORKER, verb, f"--heartbeat={descriptor}", *rest]

    with ExitStack() as stack:
        shown = [stack.enter_context(closing(curtain)) for curtain in curtains(outputs, chosen.kiosk.back_soon)]
        receiver = stack.enter_context(closing(Systemd(os.environ)))
        return Supervisor(worker, shown, receiver, interrupt).run()


def _work(
    source: str, outputs: list[str], chosen: Settings, heartbeat: int | None, interrupt: Interrupt, force: bool
) -> dict[str, Any]:
    from livecam.cli._leash import Leash
    from livecam.heartbeat import Systemd

    # The supervisor is told first, for it waits while everything else is loaded.
    with ExitStack() as stack:
        leash = None if heartbeat is None else stack.enter_context(closing(Leash(heartbeat)))
        receiver = leash or stack.enter_context(closing(Systemd(os.environ)))

        from livecam.cli._kiosk import run_kiosk

        before = leash.take_over if leash else lambda: None
        return run_kiosk(source, outputs, chosen, receiver, interrupt, force=force, before_outputs=before)


def chromium(address: str) -> str:
    """The command that shows ``address`` on a whole screen, to be pasted into a shell."""
    flags = (
        "--kiosk --incognito --noerrdialogs --disable-infobars --no-first-run --disable-session-crashed-bubble "
        "--disable-pinch --overscroll-history-navigation=0"
    )
    return f"chromium {flags} {address}"
