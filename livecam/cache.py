"""What took long to make is kept on disk, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import platformdirs

VERSION = 1
INDEX = "index.json"
ENTRIES = 32  # kept; the longest unused go first


class Cache:
    """Entries of named files. An entry that is damaged, in whatever way, is as good as absent, and is removed."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or platformdirs.user_cache_path("livecam") / f"v{VERSION}"

    def get(self, key: str) -> dict[str, bytes] | None:
        """The files of the entry ``key``, verified; None when there is none."""
        entry = self._entry(key)
        try:
            digests = json.loads((entry / INDEX).read_text())
            files = {name: (entry / name).read_bytes() for name in digests}
            if any(_digest(data) != digests[name] for name, data in files.items()):
                raise ValueError("damaged")
            (entry / INDEX).touch()
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError):
            shutil.rmtree(entry, ignore_errors=True)
            return None
        return files

    def put(self, key: str, files: Mapping[str, bytes]) -> None:
        """Keep ``files``. Where that is not possible (full, read-only) nothing is kept, and nothing is said."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            work = Path(tempfile.mkdtemp(prefix=".new-", dir=self._folder))
        except OSError:
            return
        try:
            for name, data in files.items():
                (work / name).write_bytes(data)
            (work / INDEX).write_text(json.dumps({name: _digest(data) for name, data in files.items()}))
            work.rename(self._entry(key))
            self._prune()
        except OSError:  # also when another process has been faster
            shutil.rmtree(work, ignore_errors=True)

    def _entry(self, key: str) -> Path:
        return self._folder / _digest(key.encode())[:32]

    def _prune(self) -> None:
        entries = sorted(self._folder.glob(f"*/{INDEX}"), key=lambda path: path.stat().st_mtime, reverse=True)
        for index in entries[ENTRIES:]:
            shutil.rmtree(index.parent, ignore_errors=True)


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()
