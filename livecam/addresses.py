"""Addresses, of sources and of sinks."""

from __future__ import annotations

import re


def scheme(spec: str) -> str:
    """What stands before ``://``, in lower case; empty for a path.

    >>> scheme("RTSP://camera/1"), scheme("clip.mp4")
    ('rtsp', '')
    """
    head, mark, _ = spec.partition("://")
    return head.lower() if mark and re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]*", head) else ""


def is_page(spec: str) -> bool:
    """Is a sink of this name a page that is served?"""
    return scheme(spec) == "http"
