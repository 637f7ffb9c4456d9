"""Where a server listens, and by which names it may be called."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from livecam.errors import ConfigError

DEFAULT = "http://127.0.0.1:8080"
PORT = 8080


@dataclass(frozen=True, slots=True)
class Address:
    """host: a name or an IP address without brackets. port: 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Can nobody but this machine reach it?"""
        ip = as_ip(self.host)
        return self.host == "localhost" if ip is None else ip.is_loopback

    @property
    def netloc(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(spec: str) -> Address:
    """``http://HOST:PORT``. Raises ConfigError.

    >>> parse("http://127.0.0.1:9000"), parse("http://[::1]").netloc
    (Address(host='127.0.0.1', port=9000), '[::1]:8080')
    """
    try:
        parts = urlsplit(spec)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or parts.scheme != "http" or parts.path not in ("", "/") or parts.query or "@" in parts.netloc:
        raise ConfigError(f"{spec}: not an address to serve at; write http://HOST:PORT, as in {DEFAULT}")
    return Address(host, PORT if port is None else port)


def as_ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def host_of(header: str) -> str:
    """The name in a Host header, without port and brackets, in lower case; empty when it is none.

    >>> host_of("[::1]:8080"), host_of("Kiosk.local:80"), host_of("a b"), host_of("x@y")
    ('::1', 'kiosk.local', '', '')
    """
    if not header or any(c.isspace() or c in "/@?#\\" for c in header):
        return ""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def allowed(host: str, address: Address) -> bool:
    """May a request call the server ``host``? Against DNS rebinding: a foreign name that leads here is refused.

    An IP address cannot be rebound. Beyond the loopback, this machine's own name is good as well.
    """
    ip = as_ip(host)
    if ip is not None:
        return ip.is_loopback or not address.loopback
    own = socket.gethostname().lower()
    return host in ("localhost", address.host) or (not address.loopback and host in (own, f"{own}.local"))


def reachable(address: Address) -> str:
    """The address as another machine would write it: for "all of this machine's addresses", the one of its network."""
    ip = as_ip(address.host)
    if ip is None or not ip.is_unspecified:
        return address.netloc
    family, elsewhere = (socket.AF_INET6, "2001:db8::1") if ip.version == 6 else (socket.AF_INET, "192.0.2.1")
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        try:
            asked.connect((elsewhere, 9))  # sends nothing: it only chooses the way out
            host = str(asked.getsockname()[0])
        except OSError:
            host = socket.gethostname()
    return Address(host, address.port).netloc
