"""A picture on its way to a page: one binary WebSocket message.

offset  type     what (little-endian)
0       char[4]  "LVC1"
4       uint32   n, length of the JSON
8       uint32   number of this message, which the page sends back to acknowledge it
12      uint32   Frame.index, modulo 2³²
16      float64  Frame.captured_at: seconds on the server's clock, which ``{"ping": t}`` tells
24      n bytes  JSON, UTF-8: what ``describe`` gives
24 + n           a JPEG
"""

from __future__ import annotations

import json
import struct
from typing import Any

import cv2

from livecam.errors import SinkError
from livecam.records import said
from livecam.types import AnnotatedFrame

MAGIC = b"LVC1"
HEADER = struct.Struct("<4sIIId")
QUALITY = 85  # of the JPEG: no blocks to be seen, a third of the bytes of 95


def describe(annotated: AnnotatedFrame) -> dict[str, Any]:
    """What a page writes beside the picture."""
    explanation = annotated.explanation
    return {
        **(said(explanation) if explanation else {"class_idx": None, "label": None, "top": []}),
        "method": explanation.method if explanation else None,
        "explained_ms": round(explanation.seconds * 1000, 2) if explanation else None,
        "lag": annotated.lag,
        "level": annotated.level,
    }


def jpeg(annotated: AnnotatedFrame) -> bytes:
    """Raises SinkError."""
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(annotated.image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    if not done:
        height, width = annotated.picture.shape[:2]
        raise SinkError(f"the page: a picture of {width}×{height} cannot be a JPEG; ask for a smaller one with --size")
    return data.tobytes()


def pack(annotated: AnnotatedFrame, number: int, data: bytes) -> bytes:
    """The message. data: the picture as a JPEG."""
    words = json.dumps(describe(annotated), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    frame = annotated.frame
    return HEADER.pack(MAGIC, len(words), number % 2**32, frame.index % 2**32, frame.captured_at) + words + data
