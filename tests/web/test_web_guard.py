"""Who is let in, and what a hostile asker gets."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from web_helpers import get, live
from websockets.exceptions import InvalidStatus

from livecam.errors import ConfigError
from livecam.web.address import Address, parse
from livecam.web.files import FILES
from livecam.web.limits import Limits
from livecam.web.server import Server

PATHS = [*FILES, "/healthz", "/state", "/metrics", "/stream.mjpg"]


@pytest.fixture
def open_server() -> Iterator[Server]:
    """One that others may reach."""
    server = Server(Address("0.0.0.0", 0))
    yield server
    server.close()


@pytest.mark.parametrize("path", FILES)
def test_every_file_is_served_and_signed(server: Server, path: str) -> None:
    status, headers, text = get(server, path)
    assert (status, bool(text)) == (200, True)
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"
    assert "server" not in headers


def test_no_inline_scripts_or_styles(server: Server) -> None:
    _, _, text = get(server, "/")
    assert "style=" not in text
    assert "<style" not in text
    assert text.count("<script") == text.count('<script type="module" src="/') == 1
    assert " on" not in text.replace(" one", "")


@pytest.mark.parametrize(
    "path", ["/../pyproject.toml", "/%2e%2e/x", "/static/page.js", "//etc/passwd", "/server.py", "/x\0"]
)
def test_no_path_reaches_a_file(server: Server, path: str) -> None:
    if "\0" in path:
        with socket.create_connection(("127.0.0.1", server.address.port)) as raw:
            raw.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
        return
    assert get(server, path)[0] == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "a@127.0.0.1", "10.0.0.7"]
)
@pytest.mark.parametrize("path", ["/", "/state", "/stream.mjpg"])
def test_foreign_names_are_refused(server: Server, host: str, path: str) -> None:
    assert get(server, path, Host=host)[0] == 421


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:8080"])
def test_own_names_are_good(server: Server, host: str) -> None:
    assert get(server, "/", Host=host)[0] == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "file://", "http://[", "ftp://127.0.0.1"]
)
def test_other_sites_may_not_talk(server: Server, origin: str) -> None:
    assert get(server, "/state", Origin=origin)[0] == 403
    for path in ("/live", "/camera"):
        with pytest.raises(InvalidStatus, match="403"):
            live(server, path, origin=origin)


def test_other_sites_may_not_embed_but_link(server: Server) -> None:
    cross = {"Sec_Fetch_Site": "cross-site"}
    assert get(server, "/stream.mjpg", **cross, Sec_Fetch_Mode="no-cors")[0] == 403
    assert get(server, "/", **cross, Sec_Fetch_Mode="navigate")[0] == 200


def test_own_page_may(server: Server) -> None:
    with live(server, origin=f"http://127.0.0.1:{server.address.port}"):
        pass


@pytest.mark.parametrize("path", PATHS)
def test_beyond_this_machine_a_token_is_needed(open_server: Server, path: str) -> None:
    token = open_server.token
    assert token
    assert f"?token={token}" in open_server.url
    for wrong in ("", "?token=", "?token=x", f"?token={token}x", "?token=%ff", "?" + "a=1&" * 50):
        assert get(open_server, path + wrong)[0] == 401
    assert get(open_server, path, Authorization=f"Bearer {token[:-1]}")[0] == 401
    if path != "/stream.mjpg":
        assert get(open_server, path, Authorization=f"Bearer {token}")[0] in (200, 503)


def test_the_token_becomes_a_cookie(open_server: Server) -> None:
    status, headers, _ = get(open_server, f"/?token={open_server.token}")
    assert (status, headers["location"]) == (303, "/")
    cookie = headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    kept = cookie.split(";")[0]
    assert get(open_server, "/", Cookie=kept)[0] == 200
    assert get(open_server, "/", Cookie=kept + "x")[0] == 401
    with live(open_server, additional_headers={"Cookie": kept}):
        pass


@pytest.mark.parametrize("path", ["/live", "/camera"])
def test_websockets_need_the_token(open_server: Server, path: str) -> None:
    for wrong in ("", "?token=x"):
        with pytest.raises(InvalidStatus, match="403"):
            live(open_server, path + wrong)
    with live(open_server, f"{path}?token={open_server.token}"):
        pass


def test_one_machine_alone_needs_none(server: Server) -> None:
    assert server.token is None


@pytest.mark.parametrize(
    "raw", [b"\x00" * 200, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 50_000 + b"\r\n", b"GET " + b"a" * 10**6]
)
def test_nonsense_on_the_wire(server: Server, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.address.port), timeout=60) as one:
        try:
            one.sendall(raw)
            while one.recv(4096):
                pass
        except ConnectionError:
            pass  # refused while it was still talking
    assert get(server, "/")[0] == 200


def test_too_many_connections_are_refused_and_go_again() -> None:
    server = Server(Address("127.0.0.1", 0), Limits(connections=4))
    with ExitStack() as stack:
        stack.callback(server.close)
        for _ in range(4):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.address.port)))
        assert get(server, "/")[0] == 503


@pytest.mark.parametrize(
    "spec", ["https://a:1", "http://", "http://a:99999", "http://a/b", "http://u@a", "http://[a", "x"]
)
def test_addresses_that_make_no_sense(spec: str) -> None:
    with pytest.raises(ConfigError, match="not an address"):
        parse(spec)
