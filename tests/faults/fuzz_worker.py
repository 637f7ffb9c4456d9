"""Reads clips as ``annotate`` does, without a network: a path a line on stdin, an answer in JSON a line on stdout."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from livecam.errors import LivecamError, SinkError
from livecam.sinks import SinkOptions, open_sink
from livecam.sources import open_source
from livecam.types import AnnotatedFrame, RunInfo

RECORDED = 2  # pictures: encoding is not what is looked at

MEMORY = 6 << 30  # address space: a clip that asks for more is told no, as on a small machine


def main() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    for line in sys.stdin:
        print(json.dumps(answer(line.rstrip("\n"))), flush=True)  # noqa: T201


def answer(path: str) -> dict[str, Any]:
    try:
        return read(path)
    except LivecamError as error:
        return {
            "outcome": "not written" if isinstance(error, SinkError) else "refused",
            "line": " ".join(str(error).split()),
        }
    except MemoryError:
        return {"outcome": "out of memory"}
    except BaseException:  # noqa: BLE001  it is what is looked for
        return {"outcome": "traceback", "line": traceback.format_exc()}


def read(path: str) -> dict[str, Any]:
    """Every picture; the first ones, and all of the sound, into a recording."""
    pictures = 0
    with tempfile.TemporaryDirectory() as folder, open_source(path) as source:
        target = Path(folder) / ("out.mkv" if len(path) % 2 else "out.mp4")
        run = RunInfo(source.info, "", "", "", 0)
        with open_sink(str(target), SinkOptions(preset="ultrafast"), run) as sink:
            while (frame := source.read()) is not None:
                if pictures < RECORDED:
                    sink.write(AnnotatedFrame(frame, frame.picture, None, None, 0))
                assert frame.image.shape == (source.info.height, source.info.width, 3)
                pictures += 1
            sink.finish()
        return {"outcome": "read", "pictures": pictures, "errors": source.decode_errors}


if __name__ == "__main__":
    main()
