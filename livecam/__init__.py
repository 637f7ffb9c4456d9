"""livecam: what a vision model sees, and where it looks, at full frame rate.

from livecam import Explainer, Pipeline, open_sink, open_source

with open_source("0") as source, open_sink("display") as sink, Explainer("efficientnet_lite0") as explainer:
    for annotated in Pipeline(source, explainer):
        if not sink.write(annotated):
            break
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from livecam.annotating import AnnotatedFile, annotate
    from livecam.controls import Controls, View
    from livecam.errors import (
        ConfigError,
        LivecamError,
        MissingExtra,
        ModelError,
        SinkError,
        SourceError,
        SourceLost,
        SourceNotFound,
        TargetLayerError,
        UnknownName,
        WeightsError,
    )
    from livecam.explainer import Explainer
    from livecam.pipeline import Pipeline, Policy, Wall
    from livecam.sinks import SinkOptions, open_sink
    from livecam.smoothing import Smoother
    from livecam.sources import SourceOptions, open_source
    from livecam.types import (
        AnnotatedFrame,
        Explanation,
        Faithfulness,
        Frame,
        Prediction,
        Question,
        RunInfo,
        SourceInfo,
        Vote,
    )

# Of an image; OpenCV reads it once, as it is loaded. Its own limit is 2**30: 3 GB of memory for a file of kilobytes.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

_HOMES = {
    "annotating": "AnnotatedFile annotate",
    "errors": (
        "ConfigError LivecamError MissingExtra ModelError SinkError SourceError SourceLost SourceNotFound "
        "TargetLayerError UnknownName WeightsError"
    ),
    "controls": "Controls View",
    "explainer": "Explainer",
    "pipeline": "Pipeline Policy Wall",
    "sinks": "SinkOptions open_sink",
    "smoothing": "Smoother",
    "sources": "SourceOptions open_source",
    "types": "AnnotatedFrame Explanation Faithfulness Frame Prediction Question RunInfo SourceInfo Vote",
}
_HOME = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = [
    "AnnotatedFile",
    "AnnotatedFrame",
    "ConfigError",
    "Controls",
    "Explainer",
    "Explanation",
    "Faithfulness",
    "Frame",
    "LivecamError",
    "MissingExtra",
    "ModelError",
    "Pipeline",
    "Policy",
    "Prediction",
    "Question",
    "RunInfo",
    "SinkError",
    "SinkOptions",
    "Smoother",
    "SourceError",
    "SourceInfo",
    "SourceLost",
    "SourceNotFound",
    "SourceOptions",
    "TargetLayerError",
    "UnknownName",
    "View",
    "Vote",
    "Wall",
    "WeightsError",
    "annotate",
    "open_sink",
    "open_source",
]


def __getattr__(name: str) -> Any:
    """Imported when used: the command line answers ``--help`` without loading a network library."""
    if name in _HOME:
        return getattr(importlib.import_module(f"livecam.{_HOME[name]}"), name)
    if name in ("overlay", "methods", "models"):  # parts that are used under their own name
        return importlib.import_module(f"livecam.{name}")
    raise AttributeError(f"module 'livecam' has no attribute {name!r}")
