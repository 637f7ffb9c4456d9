"""What of an address may be shown: passwords, tokens and stream keys never leave the process."""

from __future__ import annotations

import re

HIDDEN = "***"

# With one slash, too: a path that is made of an address looks like that.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/{1,2}[^\s\"]+")
# Up to the last @: a password with an unescaped / or @ in it is still a password.
_PASSWORD = re.compile(r"(:/{1,2}[^/?#:@]*):.*@")
_NAMES = r"(?:token|key|passw?d?|password|pwd|auth|secret|signature|sig|credentials?|session)"
_IN_QUERY = re.compile(rf"([?&;][^=&;]*{_NAMES}[^=&;]*=)[^&;#']+", re.IGNORECASE)
# Some cameras have it in the path: rtsp://host/user=admin_password=secret_channel=1; where it ends is anybody's guess.
_IN_PATH = re.compile(rf"({_NAMES}=)[^&;#/']+", re.IGNORECASE)

# rtmp://host/app/key: who knows the key may send in one's place, or watch. What follows it belongs to it.
_STREAM_KEY = re.compile(r"^(rtmp\w*:/{1,2}+[^/?#]*/(?:[^/?#]+/+(?=[^/?#]))*)[^/].*?([:;,.)'\]]*)$", re.IGNORECASE)


def masked(text: str) -> str:
    """``text`` with the passwords, tokens and stream keys of the addresses in it hidden.

    >>> masked("rtsp://guest:secret@10.0.0.7/stream: connection refused")
    'rtsp://guest:***@10.0.0.7/stream: connection refused'
    >>> masked("http://cam/video.mjpg?access_token=abc_1&fps=5")
    'http://cam/video.mjpg?access_token=***&fps=5'
    >>> masked("rtmp://host/live/abcd-1234?backup=1: connection refused")
    'rtmp://host/live/***: connection refused'
    """
    return _ADDRESS.sub(lambda found: _masked_address(found[0]), text)


def _masked_address(address: str) -> str:
    address = _PASSWORD.sub(rf"\1:{HIDDEN}@", address)
    address = _STREAM_KEY.sub(rf"\1{HIDDEN}\2", address)
    path, mark, query = address.partition("?")
    return _IN_PATH.sub(rf"\1{HIDDEN}", path) + _IN_QUERY.sub(rf"\1{HIDDEN}", mark + query)
