"""``photo.png``: one picture, and beside it ``photo.json`` with what was seen."""

from __future__ import annotations

import json
from pathlib import Path

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.sinks._files import check_free, write_whole
from livecam.sinks.images import NUMBER, SUFFIXES, encode
from livecam.sinks.sidecar import seen
from livecam.types import AnnotatedFrame, RunInfo


class StillSink(BaseSink):
    """Writes one picture (PNG, JPEG or WebP) and its figures as JSON; each appears whole or not at all.

    Raises SinkError when writing fails or a second picture comes.
    """

    def __init__(self, path: Path, run: RunInfo, options: SinkOptions | None = None) -> None:
        self._path, self._run = path, run
        self._options = options or SinkOptions()
        self._written = False
        self.json_path = path.with_suffix(".json")
        for target in (path, self.json_path):
            check_free(target, self._options)

    @staticmethod
    def matches(spec: str) -> bool:
        return Path(spec).suffix.lower() in SUFFIXES and NUMBER.search(spec) is None and "://" not in spec

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> StillSink:
        if run is None:
            raise ConfigError(f"{spec}: a still says who explained it: it needs the RunInfo of the run")
        return StillSink(Path(spec), run, options)

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.check_open()
        if self._written:
            raise SinkError(f"{self._path}: takes one picture; for several name a number field, as in frames/%05d.png")
        self._written = True
        write_whole(self._path, encode(self._path, annotated.image))
        write_whole(self.json_path, (json.dumps(self.record(annotated), ensure_ascii=False, indent=2) + "\n").encode())
        return True

    def record(self, annotated: AnnotatedFrame) -> dict[str, object]:
        """What the JSON file says."""
        run, (height, width) = self._run, annotated.frame.picture.shape[:2]
        record: dict[str, object] = {
            "input": run.source.name,
            "output": str(self._path),
            "model": run.model,
            "method": run.method,
            "target_layer": run.target_layer,
            "width": width,
            "height": height,
        } | ({"random_weights": True} if run.random_weights else {})
        return record | (seen(annotated.explanation) if annotated.explanation else {})

    def close(self) -> None:
        self.closed = True


SINKS.add("still", StillSink)
