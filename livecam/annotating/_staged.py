"""Inputs and outputs at addresses: fetched before, put when all is complete."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from livecam import remote
from livecam._av import av
from livecam.annotating._convert import beside, sidecar_of
from livecam.annotating._far import Depot
from livecam.annotating._ledger import Ledger, mark_of
from livecam.annotating._long import parts_of
from livecam.annotating._part_work import PartFiles
from livecam.assembly import file_of, masks, source_options
from livecam.config import Settings
from livecam.errors import ConfigError, LivecamError, SinkError
from livecam.masking import masked
from livecam.parts import Part
from livecam.remote import is_remote
from livecam.sinks._codecs import FORMATS
from livecam.sources import open_source
from livecam.types import SourceInfo

BESIDE = ("heatmap_video", "maps")
"""Settings that name a file which is written beside the recording."""


@dataclass(frozen=True, slots=True)
class Job:
    """One input on this machine, and where its result goes. name: of the input, in messages and sidecars, None: by its
    path; mark: see Ledger, None: it is made of the file."""

    spec: str
    output: Path
    settings: Settings
    name: str | None = None
    mark: str | None = None

    def parts(self, workers: int) -> tuple[list[Part], SourceInfo]:
        """Where it is cut for so many workers (see ``parts_of``). Raises SourceError."""
        with open_source(self.spec, replace(source_options(self.settings), name=self.name)) as source:
            return parts_of(self.spec, source.info, self.output, self.settings, workers), source.info


class Delivery:
    """The files of one result, each at an address. While they are put, ``.OUT.parts/job.json`` lies beside them and
    says whose they are: the recording comes last, so that one that is there is complete.

    Raises ConfigError for what cannot be put.
    """

    def __init__(self, spec: str, output: str, settings: Settings, folder: Path) -> None:
        if Path(output).suffix.lower() not in FORMATS:
            raise ConfigError(
                f"-o {masked(output)}: name a file there: out.mp4, .mov, .mkv or .webm, or a folder: out/"
            )
        places = {name: value for name in BESIDE if (value := getattr(settings, name))}
        for name, value in places.items():
            if not is_remote(value):
                raise ConfigError(f"--{name.replace('_', '-')} {value}: name an address, as of -o {masked(output)}")
        # What is wrong with a name is said of that, not of the place where it is made.
        masks(settings.model_copy(update={name: remote.name_of(value) for name, value in places.items()}))
        self.output = folder / remote.name_of(output)
        here = {name: str(folder / name / remote.name_of(value)) for name, value in places.items()}
        self.settings = settings.model_copy(update=here)
        self.urls = {self.output: output}  # the recording is the first
        self.sidecar = remote.beside(output, sidecar_of(self.output).name) if settings.sidecar else None
        if settings.sidecar:
            self._add(sidecar_of(self.output))
        for name, made in beside(self.output, self.settings).items():
            if name in places:
                self.urls[file_of(made)] = places[name]
            else:
                self._add(file_of(made))
        named = [*self.urls.values(), spec]
        if twice := next((url for url in named if named.count(url) > 1), None):
            raise ConfigError(f"{masked(twice)}: is named twice; give each input and output a name of its own")
        self.mark = mark_of(spec, output, settings)
        self._parts = remote.beside(output, f".{self.output.name}.parts")
        self.depot: Depot | None = None

    def depot_of(self, workers: int) -> Depot:
        """Of finished parts, beside the output, where so many share the work: their number says where it is cut. It is
        gone once the recording is put; until then it stays for the next run."""
        self.depot = Depot(f"{self._parts}/{self.mark.rpartition(' ')[2]}-{workers}")
        return self.depot

    def _add(self, path: Path) -> None:
        self.urls[path] = remote.beside(self.urls[self.output], path.name)

    def done(self) -> bool:
        """Is all of it there, and what this run would make?"""
        if not self.mark or not all(map(remote.exists, self.urls.values())):
            return False
        try:
            with remote.opened(self.urls[self.output]) as file:
                kind = FORMATS[self.output.suffix.lower()]
                with av.open(file, format=kind) as container:
                    return container.metadata.get("comment") == self.mark
        except (av.FFmpegError, OSError, LivecamError):
            return False

    def check_free(self, force: bool) -> None:
        """Raises SinkError when something is there that may not be overwritten, or nobody can look."""
        ours = self._is_ours()
        for number, url in enumerate(self.urls.values()):
            if remote.exists(url) and not (force or (ours and number)):
                raise SinkError(f"{masked(url)}: exists already; add --force to overwrite it, or choose another name")

    def _is_ours(self) -> bool:
        """Has an earlier run of this job been killed while it put its files?"""
        try:
            job = json.loads(remote.read(f"{self._parts}/job.json") or b"{}")
        except ValueError:
            return False
        return bool(self.mark) and isinstance(job, dict) and job.get("mark") == self.mark

    def put(self, force: bool) -> None:
        """All, the recording last. Raises SinkError; of what was not there before, nothing is left then."""
        ours, new = self._is_ours(), []
        remote.write(f"{self._parts}/job.json", json.dumps({"mark": self.mark}).encode())
        try:
            for path, url in reversed(self.urls.items()):
                existed = remote.exists(url)
                remote.put(path, url, force=force or (ours and path != self.output))
                if not existed:
                    new.append(url)
        except BaseException:
            for url in new:
                remote.drop(url)
            if not ours:  # else what an earlier run has put is still there
                with suppress(SinkError):
                    remote.remove(f"{self._parts}/job.json" if self.depot else self._parts)
            raise
        remote.remove(self._parts)

    def told(self, report: dict[str, Any]) -> dict[str, Any]:
        """``report`` with the addresses in place of the files here; None where nothing was put."""
        shown = {str(path): None if report["interrupted"] else masked(url) for path, url in self.urls.items()}
        return {name: shown.get(value, value) if isinstance(value, str) else value for name, value in report.items()}


class Staging:
    """A folder of this machine for one job, gone with it. A context manager.

    Raises SinkError when it cannot be made.
    """

    def __init__(self, spec: str, output: str, settings: Settings) -> None:
        self._spec, self._output, self._settings = spec, output, settings
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="livecam-", ignore_cleanup_errors=True)
        except OSError as error:
            raise SinkError(f"no temporary folder can be made ({error.strerror}); set TMPDIR") from error
        self._folder = Path(self._temporary.name)
        self.delivery: Delivery | None = None

    def job(self, stop: Callable[[], bool], *, force: bool) -> Job | None:
        """What is to be done here, the input fetched; None when ``stop()`` came first. Raises SourceError, SinkError,
        ConfigError, before anything is fetched where that can be told."""
        spec, output, settings, mark = self._spec, Path(self._output), self._settings, None
        if is_remote(self._output):
            self.delivery = Delivery(spec, self._output, settings, self._folder)
            output, settings, mark = self.delivery.output, self.delivery.settings, self.delivery.mark
            self.delivery.check_free(force)
        else:
            for name in BESIDE:
                if (value := getattr(settings, name)) and is_remote(value):
                    raise ConfigError(f"--{name.replace('_', '-')} {masked(value)}: name a file here, as -o does")
            mark = mark_of(spec, self._output, settings)
        if not is_remote(spec):
            return Job(spec, output, settings, mark=mark)
        (self._folder / "in").mkdir()
        here = self._folder / "in" / remote.name_of(spec)
        if not remote.fetch(spec, here, stop):
            return None
        return Job(str(here), output, settings, masked(spec), mark)

    def depot(
        self, job: Job, parts: list[Part], stop: Callable[[], bool], workers: int, *, force: bool
    ) -> Depot | None:
        """Of finished parts, when the output is at an address; those of an earlier run are laid where ``job`` looks
        for them, as if it had been made here. Raises SourceError, SinkError."""
        if self.delivery is None:
            return None
        depot = self.delivery.depot_of(workers)
        if force:
            remote.remove(depot.url)
            return depot
        ledger = Ledger(job.spec, job.output, job.settings, job.mark)
        ledger.begin(cuts=[part.start for part in parts])
        for part in parts:
            depot.take(PartFiles(ledger.folder, part.number, job.output.suffix), stop)
        return depot

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._temporary.cleanup()
