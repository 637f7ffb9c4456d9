"""How media are opened for reading: a file leads to no other file, an address to no file of this machine.

A file named ``clip.mp4`` may be a playlist: FFmpeg goes by content, and would read what it names. So of a file only
formats are taken that hold their pictures themselves; and what comes from the network is read by protocols of the
network alone.
"""

from __future__ import annotations

from livecam._av import av
from livecam.addresses import scheme

LOCAL = "file:"
REFERRING = frozenset({"concat", "dash", "hls", "image2", "imf", "rtsp", "sap", "sdp", "vobsub"})
"""Formats that say where pictures are to be found."""
STREAMED = frozenset({"dash", "hls", "rtsp"})
"""Those of them that come from a server, which names further addresses."""
NETWORK = "http,https,httpproxy,tls,dtls,tcp,udp,rtp,srtp,srt,rtsp,rtmp,rtmps,rtmpt,rtmpts,ffrtmphttp,crypto,data"
BEGINNINGS = (b"#EXTM3U", b"ffconcat", b"v=0", b"<?xml", b"<MPD")

MOST_PIXELS = 2**27
"""Of one picture: 16K is 133 million. A file of a few kilobytes can ask for more memory than there is."""

Timeout = float | tuple[float, float] | None


def open_media(url: str, options: dict[str, str] | None = None, timeout: Timeout = None) -> av.container.InputContainer:
    """Open ``file:PATH``, a path or an address. Raises av.FFmpegError, also for a playlist in a file."""
    local = url.startswith(LOCAL) or not scheme(url)
    refused = REFERRING if local else REFERRING - STREAMED
    limits = {
        "format_whitelist": ",".join(sorted(av.formats_available - refused)),
        "protocol_whitelist": "file" if local else NETWORK,
        "max_pixels": str(MOST_PIXELS),
    }
    # A title in another encoding is no reason to refuse a recording.
    return av.open(url, options=limits | (options or {}), timeout=timeout, metadata_errors="replace")


def is_playlist(beginning: bytes) -> bool:
    """Do these first bytes of a file say that its pictures are elsewhere?

    >>> is_playlist(b"#EXTM3U"), is_playlist(b"....ftypisom")
    (True, False)
    """
    return beginning.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(BEGINNINGS)
