"""What has been measured so far, in a file that grows by a line: killed anywhere, a run continues where it was."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any

from livecam.errors import ConfigError, SinkError

NAME = "records.jsonl"
BEGIN = b'{"settings"'

Figures = dict[str, Any]
"""What a measure gives for one picture or video: name → number, or list of numbers."""


class Records:
    """``folder/records.jsonl``: first the settings, then a line for every item and subject. A context manager.

    settings: what every line depends on. A folder that was begun with others raises ConfigError, unless ``restart``,
    which begins again. A damaged line, which a killed process leaves behind, is as if it were not there.
    Raises SinkError where the folder cannot be written.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], *, restart: bool = False) -> None:
        self.path = folder / NAME
        self._found: dict[tuple[str, str], Figures] = {}
        settings = json.loads(json.dumps(settings))  # as they come back from the file
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if restart:
                self.path.unlink(missing_ok=True)
            whole = self._read(settings) if self.path.exists() else 0
            self._file = self.path.open("ab")
            self._file.truncate(whole)
            if not whole:
                self._append({"settings": settings})
        except OSError as error:
            raise SinkError(f"{folder}: cannot be written ({error.strerror}); give another -o") from error

    def _read(self, settings: dict[str, Any]) -> int:
        """Take what is there; returns up to where the file is whole."""
        whole, lines = 0, self.path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines):
            entry = _parsed(line)
            if number == 0:
                if entry is None and BEGIN.startswith(line[: len(BEGIN)]) and len(lines) == 1:
                    return 0  # killed in its first line
                self._check(entry, settings)
            elif entry is not None:
                self._found[entry["item"], entry["subject"]] = entry["figures"]
            whole += len(line) if line.endswith(b"\n") else 0
        return whole

    def _check(self, entry: dict[str, Any] | None, settings: dict[str, Any]) -> None:
        remedy = "give another -o, or --restart to measure everything again"
        if entry is None or "settings" not in entry:
            raise ConfigError(f"{self.path}: was not written by livecam evaluate; {remedy}")
        before = entry["settings"]
        for name in sorted({*before, *settings}):
            if before.get(name) != settings.get(name):
                raise ConfigError(
                    f"{self.path}: was begun with {name} {_word(before.get(name))}, not {_word(settings.get(name))}; "
                    f"{remedy}"
                )

    def get(self, item: str, subject: str) -> Figures | None:
        """What was measured of it, as it stands in the file; None: nothing yet."""
        return self._found.get((item, subject))

    def add(self, item: str, subject: str, figures: Figures) -> None:
        """Keep what was measured. Raises SinkError."""
        entry = {"item": item, "subject": subject, "figures": figures}
        try:
            self._append(entry)
        except OSError as error:
            raise SinkError(f"{self.path}: {error.strerror}; make room, and call again: it continues") from error
        self._found[item, subject] = json.loads(json.dumps(figures))

    def _append(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Records:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _parsed(line: bytes) -> dict[str, Any] | None:
    """A line as it was written; None for a damaged one."""
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    whole = (
        line.endswith(b"\n") and isinstance(entry, dict) and ("settings" in entry or {"item", "figures"} <= {*entry})
    )
    return entry if whole else None


def _word(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
