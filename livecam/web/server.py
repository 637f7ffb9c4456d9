"""The server: a thread with an event loop, shared by whoever asks for the same address."""

from __future__ import annotations

import asyncio
import errno
import os
import secrets
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from livecam.controls import Controls
from livecam.errors import MissingExtra, SinkError
from livecam.types import AnnotatedFrame, RunInfo
from livecam.web.address import Address, reachable
from livecam.web.limits import Limits

try:
    import uvicorn
    import websockets  # noqa: F401  uvicorn speaks WebSocket through it

    from livecam.web.app import Show, application
    from livecam.web.broadcast import Broadcast
    from livecam.web.camera import Feed
    from livecam.web.guard import Guard
except ModuleNotFoundError as error:
    raise MissingExtra(f"the page needs {error.name}: pip install 'livecam[web]'") from error

JOIN_S = 5.0
GONE_S = 20  # a connection that takes no byte for so long is dropped


class Server:
    """Serves from the moment it exists. Raises SinkError when it cannot listen at ``address``."""

    def __init__(self, address: Address, limits: Limits | None = None) -> None:
        listening = _listen(address)
        self.address = Address(address.host, listening.getsockname()[1])
        self.token = None if address.loopback else secrets.token_urlsafe(24)
        self._limits = limits or Limits()
        self._error: BaseException | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(listening,), name="livecam-web", daemon=True)
        self._thread.start()
        self._ready.wait()

    @property
    def url(self) -> str:
        """What to open in a browser."""
        return f"http://{reachable(self.address)}/" + (f"?token={self.token}" if self.token else "")

    def attach(self, controls: Controls, state: Callable[[], dict[str, Any]], run: RunInfo | None) -> None:
        """A run shows here from now on."""
        self._show.controls, self._show.state, self._show.run = controls, state, run
        self._tell()

    def show(self, annotated: AnnotatedFrame) -> None:
        """The newest picture. Never waits. Raises what the server has failed with."""
        if self._error is not None:
            raise SinkError(f"the page: {self._error}") from self._error
        self._show.broadcast.show(annotated)

    def open_feed(self) -> Feed:
        """From now on a page may send its camera's pictures. Raises SinkError when they have a reader already."""
        if self._show.feed is not None:
            raise SinkError(f"http://{self.address.netloc}: its camera is being read already; serve at another port")

        def taken() -> None:
            self._soon(self._show.taken.set)

        feed = self._show.feed = Feed(taken)
        self._tell()
        return feed

    def close_feed(self) -> None:
        feed, self._show.feed = self._show.feed, None
        if feed:
            feed.close()
            self._tell()

    def _tell(self) -> None:
        """Pages learn whose run they show."""
        self._soon(self._show.broadcast.wake)

    def _soon(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended: the next picture is told why
            self._loop.call_soon_threadsafe(call)

    def close(self) -> None:
        """End the thread; who watches is told. Twice is harmless."""
        self._soon(self._stop)
        self._thread.join(JOIN_S)

    def _stop(self) -> None:
        self._show.closing.set()
        self._uvicorn.should_exit = True

    def _work(self, listening: socket.socket) -> None:
        try:
            asyncio.run(self._serve(listening))
        except Exception as error:  # noqa: BLE001  it is the sink's: raised by the next picture
            self._error = error
        finally:
            listening.close()
            self._ready.set()

    async def _serve(self, listening: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._show = Show(Broadcast(), self._limits)
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                Guard(application(self._show), self.address, self.token),
                http="h11",
                ws="websockets-sansio",
                ws_max_size=self._limits.jpeg_bytes,
                ws_per_message_deflate=False,
                limit_concurrency=self._limits.connections,
                timeout_graceful_shutdown=1,
                lifespan="off",
                log_config=None,
                log_level="critical",  # what goes wrong is told by the page, or raised by the next picture
                access_log=False,  # it would write the token down
                server_header=False,
            )
        )
        self._ready.set()
        serving = asyncio.create_task(self._uvicorn.serve(sockets=[listening]))
        encoding = asyncio.create_task(self._show.broadcast.run())
        try:
            done, _ = await asyncio.wait((serving, encoding), return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._stop()
            encoding.cancel()
            await asyncio.gather(serving, encoding, return_exceptions=True)
            for connection in list(self._uvicorn.server_state.connections):
                connection.transport.abort()  # who does not read does not take the end either


def _listen(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise SinkError(f"http://{address.netloc}: no such host; use the address of this machine") from error
    family, kind, protocol, _, where = found[0]
    listening = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # elsewhere it would let two programs share the port
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # taken over by every connection
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_S * 1000)
        listening.bind(where)
        listening.listen(128)
    except OSError as error:
        listening.close()
        raise SinkError(f"http://{address.netloc}: {_reason(error, address)}") from error
    return listening


def _reason(error: OSError, address: Address) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"port {address.port} is in use; choose another port"
        case errno.EACCES:
            return f"port {address.port} is not allowed; choose one above 1023"
        case errno.EADDRNOTAVAIL:
            return "not an address of this machine; use 127.0.0.1, or 0.0.0.0 for all of its addresses"
    return os.strerror(error.errno or 0).lower()


_lent: dict[Address, tuple[Server, int]] = {}
_lock = threading.Lock()


def lend(address: Address) -> Server:
    """The server at ``address``, started and announced on stderr if need be. Give it back with ``give_back``.

    Raises SinkError.
    """
    with _lock:
        server, users = _lent.get(address, (None, 0))
        if server is None:
            server = Server(address)
            sys.stderr.write(f"open {server.url} in a browser\n")
            address = server.address
        _lent[address] = server, users + 1
        return server


def give_back(server: Server) -> None:
    """The last one to do so ends the server."""
    with _lock:
        _, users = _lent.pop(server.address, (server, 1))
        if users > 1:
            _lent[server.address] = server, users - 1
            return
    server.close()
