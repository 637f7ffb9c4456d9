"""Every frame of many recordings: here, in several processes, or on a cluster."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from livecam.errors import ConfigError, LivecamError
from livecam.masking import masked

if TYPE_CHECKING:
    from livecam.annotating._progress import Shows
    from livecam.config import Settings

Place = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class AnnotatedFile:
    """What has become of one input.

    number: of the input, as given, patterns expanded, from 0 on. input, output: a path or an address, passwords hidden.
    report: as ``livecam annotate --json`` says it; one with ``"skipped"`` was there already. error: why it failed; None
    when it did not.
    """

    number: int
    input: str
    output: str
    report: dict[str, Any]
    error: LivecamError | None


class Annotating(Iterator[AnnotatedFile]):
    """Results as they finish. Work goes on while the next one is asked for; ``close`` ends it, processes included.
    A context manager. ``count``: inputs in all."""

    def __init__(self, results: Generator[AnnotatedFile, None, None], count: int) -> None:
        self.count = count
        self._results = results

    def __next__(self) -> AnnotatedFile:
        return next(self._results)

    def close(self) -> None:
        """Twice is harmless. From the thread that iterates; another one has ``stop``."""
        self._results.close()

    def __enter__(self) -> Annotating:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def annotate(
    inputs: Place | Sequence[Place],
    out: Place | None = None,
    *,
    engine: Literal["local", "ray"] = "local",
    jobs: int | None = None,
    force: bool = False,
    config: Place | None = None,
    stop: Callable[[], bool] = lambda: False,
    shows: Shows | None = None,
    **settings: Any,
) -> Annotating:
    """Explain every frame of recordings, as ``livecam annotate`` does; results come as they finish.

    inputs: files, patterns, folders of images, addresses; ``s3://`` and others that fsspec knows are fetched
    (``pip install 'livecam[remote]'``). out: a file, for several inputs a folder; None: ``recordings/``; addresses of
    fsspec, too, a folder with ``/`` at its end. Of several inputs those that are done with the same settings are left
    out, unless ``force``, which also overwrites.
    engine, jobs: ``jobs`` processes of this machine, or workers of the Ray cluster of ``RAY_ADDRESS``, one that is
    started here, or the one that the caller has connected to; None: one, or as many as the cluster has room for.
    Processes import the main module: guard it with ``if __name__ == "__main__"``.
    stop: asked often, from other threads, too; once it is true, what is under way ends as after Ctrl-C: files that
    play, ``"interrupted"`` in the report, and nothing at an address. shows: is told how far it is; None: nobody.
    settings: those of the flags (``method="layercam"``, ``class_="tripod"``, ``max_frames=100``), over the environment,
    over the file ``config``.

    An input that fails is a result with ``error``. Raises ConfigError for settings and names that make no sense,
    SourceError when a pattern at an address cannot be listed, MissingExtra; as it goes, what is no input's fault.
    """
    from livecam.config import resolve
    from livecam.jobs import expand, plan_anywhere

    given = {"class" if name == "class_" else name: value for name, value in settings.items() if value is not None}
    chosen = resolve(given, None if config is None else Path(config))
    if jobs is not None and jobs < 1:
        raise ConfigError(f"jobs {jobs}: give a number of processes, from 1 on")
    if engine not in ("local", "ray"):
        raise ConfigError(f"engine {engine!r}: there are local and ray")
    patterns = [inputs] if isinstance(inputs, str | os.PathLike) else inputs
    specs = [spec for pattern in patterns for spec in expand(os.fspath(pattern))]
    work = plan_anywhere(specs, None if out is None else os.fspath(out), ".explained.mp4")
    one_file = chosen.heatmap_video or chosen.maps
    if one_file and len(work) > 1:
        raise ConfigError(f"{masked(one_file)}: {len(work)} inputs cannot become one file; annotate them one by one")
    return Annotating(_results(work, chosen, engine, jobs, force, stop, shows), len(work))


def _results(
    work: list[tuple[str, str]],
    settings: Settings,
    engine: str,
    jobs: int | None,
    force: bool,
    stop: Callable[[], bool],
    shows: Shows | None,
) -> Generator[AnnotatedFile, None, None]:
    from livecam.annotating._crew import crew
    from livecam.annotating._files import annotate_all

    with (
        crew(engine, jobs, settings) as workers,
        closing(annotate_all(work, settings, stop, force=force, workers=workers, shows=shows)) as ended,
    ):
        for number, result in ended:
            source, output = map(masked, work[number])
            if isinstance(result, LivecamError):
                failure = {"input": source, "output": output, "error": masked(str(result))}
                yield AnnotatedFile(number, source, output, failure | {"exit_code": result.exit_code}, result)
            else:
                yield AnnotatedFile(number, source, output, result, None)
