"""The files of the page: a fixed table, read once. No request chooses a file."""

from __future__ import annotations

from importlib.resources import files

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/colours.css": ("colours.css", "text/css; charset=utf-8"),
    "/style.css": ("style.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/link.js": ("link.js", "text/javascript; charset=utf-8"),
    "/camera.js": ("camera.js", "text/javascript; charset=utf-8"),
    "/timeline.js": ("timeline.js", "text/javascript; charset=utf-8"),
    "/words.js": ("words.js", "text/javascript; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
"""Path → (file, content type)."""


def read() -> dict[str, tuple[bytes, str]]:
    """Path → (content, content type)."""
    folder = files("livecam.web") / "static"
    return {path: ((folder / name).read_bytes(), kind) for path, (name, kind) in FILES.items()}
