"""What people read goes to stderr; with ``--json``, one object goes to stdout."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from livecam.errors import LivecamError, SinkError
from livecam.masking import masked

if TYPE_CHECKING:
    from rich.console import Console

WIDEST = 10_000  # columns of a table that no terminal shows

_console: Console | None = None


def console() -> Console:
    """The one console on stderr: a progress bar and a line of the log do not break each other."""
    global _console
    if _console is None:
        from rich.console import Console

        _console = Console(stderr=True, highlight=False, soft_wrap=True)
        log = logging.getLogger("livecam")
        log.setLevel(logging.INFO)
        log.addHandler(_Lines())
    return _console


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        level = "" if record.levelno < logging.WARNING else f"{record.levelname.lower()}: "
        say(f"{level}{record.getMessage()}")


def say(text: str) -> None:
    with contextlib.suppress(OSError):  # stderr is full or gone: the work is what counts
        console().print(masked(text), markup=False)


def fail(error: LivecamError) -> int:
    """Say what is wrong in one line; returns the exit code."""
    click.echo(f"livecam: error: {' '.join(masked(str(error)).split())}", err=True)
    return error.exit_code


def emit(report: dict[str, Any]) -> None:
    """One JSON object on stdout. Raises SinkError when nobody takes it."""
    # Surrogates stand for a file name that is no text; JSON can say them as escapes.
    text = json.dumps(report, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace").decode()
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except (OSError, AttributeError) as error:
        raise SinkError(f"stdout: the report cannot be written ({error}); the files are complete") from error


def table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    """A plain table for people, on stderr. The first column, names to be typed, is never folded; where no terminal sets
    the width, nothing is: a row is a line, for grep."""
    from rich.console import Console
    from rich.table import Table

    view = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(columns):
        view.add_column(column, overflow="fold", no_wrap=not number)
    for row in rows:
        view.add_row(*row)
    screen = console()
    if not screen.is_terminal:
        screen = Console(stderr=True, highlight=False, width=WIDEST)
    screen.print(view)
