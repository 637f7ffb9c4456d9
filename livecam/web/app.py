"""What the server answers.

/             the page                     /live         WebSocket: pictures (``message``) out, words in
/stream.mjpg  the pictures, for anything   /camera       WebSocket: a browser's camera in
/state        the state of the run, JSON   /metrics      the same, for Prometheus        /healthz   200 or 503

Words of a page on /live, a JSON object a message: ``{"ack": number}``, ``{"ping": t}``, ``{"act": name, "value": v}``.
Words of the server: ``{"run": {...}}``, ``{"view": {...}}``, ``{"pong": t, "now": seconds}``, ``{"refused": why}``.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass, field
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from livecam.controls import Controls, View
from livecam.errors import ConfigError
from livecam.types import RunInfo
from livecam.web import files, metrics
from livecam.web.broadcast import Broadcast, Viewer
from livecam.web.camera import Arrived, Feed, jpeg_size
from livecam.web.limits import Bucket, Limits

HEALTHY_S = 5.0  # a run whose newest picture is older is not well
BOUNDARY = "picture"

NOT_WANTED, TOO_LARGE, NONSENSE, BUSY = 1008, 1009, 1007, 1013  # WebSocket close codes, RFC 6455
NO_SOURCE = 4404
GOING_AWAY = 1001


def _no_state() -> dict[str, Any]:
    return {}


@dataclass(slots=True)
class Show:
    """What the server shows and whom it serves; the parts that a sink or a source has lent it."""

    broadcast: Broadcast
    limits: Limits
    closing: asyncio.Event = field(default_factory=asyncio.Event)
    controls: Controls = field(default_factory=Controls)
    state: Callable[[], dict[str, Any]] = _no_state
    run: RunInfo | None = None
    feed: Feed | None = None
    taken: asyncio.Event = field(default_factory=asyncio.Event)

    def health(self) -> dict[str, Any]:
        newest = self.broadcast.newest
        age = None if newest is None else time.monotonic() - newest.frame.captured_at
        status = "starting" if age is None else "live" if age <= HEALTHY_S else "stale"
        alarms = list(self.controls.alarms)
        if alarms and status == "live":
            status = "failing"
        return {"status": status, "capture_age_s": None if age is None else round(age, 3), "alarms": alarms}

    async def whole_state(self) -> dict[str, Any]:
        """The run's own state, and the server's."""
        state = await asyncio.to_thread(self.state)
        web = {"viewers": len(self.broadcast.viewers), "encoded": self.broadcast.encoded}
        dropped = {} if self.feed is None else {"camera_dropped": self.feed.dropped}
        return {**state, "web": {**self.health(), **web, **dropped}}

    def hello(self) -> dict[str, Any]:
        run = self.run
        known = {} if run is None else {"source": run.source.name, "model": run.model, "method": run.method}
        alarm = " · ".join(self.controls.alarms)
        return {"run": {**known, "camera": self.feed is not None, "wall": self.controls.wall, "alarm": alarm}}


def application(show: Show) -> Starlette:
    table = files.read()

    async def page(request: Request) -> Response:
        content, kind = table[request.url.path]
        return Response(content, headers={"Content-Type": kind})

    async def healthz(request: Request) -> Response:
        health = show.health()
        return JSONResponse(health, 200 if health["status"] == "live" else 503)

    async def state(request: Request) -> Response:
        return JSONResponse(metrics.plain(await show.whole_state()))

    async def numbers(request: Request) -> Response:
        text = metrics.prometheus(await show.whole_state())
        return Response(text, headers={"Content-Type": metrics.CONTENT_TYPE})

    async def stream(request: Request) -> Response:
        return Response("Enough are watching.", 503) if _full(show) else Stream(show)

    async def live(socket: WebSocket) -> None:
        await _serve_page(socket, show)

    async def camera(socket: WebSocket) -> None:
        await _serve_camera(socket, show)

    return Starlette(
        routes=[
            *(Route(path, page) for path in table),
            Route("/healthz", healthz),
            Route("/state", state),
            Route("/metrics", numbers),
            Route("/stream.mjpg", stream),
            WebSocketRoute("/live", live),
            WebSocketRoute("/camera", camera),
        ]
    )


def _full(show: Show) -> bool:
    return len(show.broadcast.viewers) >= show.limits.viewers


class Stream(Response):
    """The pictures as ``multipart/x-mixed-replace``. Who does not read is sent away."""

    media_type = f"multipart/x-mixed-replace; boundary={BOUNDARY}"

    def __init__(self, show: Show) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._show = show

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        with self._show.broadcast.viewer() as viewer:
            await _first_of(self._pictures(viewer, send), _gone(receive), _event(self._show.closing))
        await _sent(send({"type": "http.response.body", "body": b""}), self._show.limits.silent_s)

    async def _pictures(self, viewer: Viewer, send: Send) -> None:
        while True:
            await viewer.wake.wait()
            viewer.wake.clear()
            if coded := viewer.next(time.monotonic()):
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(coded.jpeg)}\r\n\r\n"
                # Browsers show a part when the next one begins: the boundary is sent at once.
                part = head.encode() + coded.jpeg + b"\r\n"
                message = {"type": "http.response.body", "body": part, "more_body": True}
                await _sent(send(message), self._show.limits.silent_s)
                viewer.acknowledge(coded.number)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _event(event: asyncio.Event) -> int:
    await event.wait()
    return GOING_AWAY


async def _serve_page(socket: WebSocket, show: Show) -> None:
    await socket.accept()
    if _full(show):
        await socket.close(BUSY, "enough are watching")
        return
    with show.broadcast.viewer() as viewer:
        code = await _first_of(_show_to(socket, viewer, show), _listen_to(socket, viewer, show), _event(show.closing))
    await _close(socket, code)


async def _show_to(socket: WebSocket, viewer: Viewer, show: Show) -> int:
    """Send what is new; returns the code with which to close when it is not taken."""
    silent_s = show.limits.silent_s
    view: View | None = None
    hello: dict[str, Any] | None = None
    while True:
        since = viewer.waiting_since()
        try:
            async with asyncio.timeout(None if since is None else since + silent_s - time.monotonic()):
                await viewer.wake.wait()
        except TimeoutError:
            return NOT_WANTED
        viewer.wake.clear()
        if hello != (hello := show.hello()):
            await _sent(socket.send_json(hello), silent_s)
        if view is not show.controls.view:
            view = show.controls.view
            await _sent(socket.send_json({"view": asdict(view)}), silent_s)
        if coded := viewer.next(time.monotonic()):
            await _sent(socket.send_bytes(coded.message), silent_s)


async def _sent(sending: Awaitable[None], seconds: float) -> None:
    """Raises TimeoutError. Not ``wait_for``: that of Python 3.11 swallows a cancellation at the wrong moment."""
    async with asyncio.timeout(seconds):
        await sending


async def _listen_to(socket: WebSocket, viewer: Viewer, show: Show) -> int | None:
    """Do what a page says; returns the code with which to close one that talks nonsense, None when it has left."""
    bucket = Bucket(show.limits.rate, show.limits.burst)
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            return None
        text = received.get("text")
        if not bucket.take():
            return NOT_WANTED
        if text is None or len(text) > show.limits.text:
            return TOO_LARGE if text else NONSENSE
        words = _parse(text)
        if words is None:
            return NONSENSE
        answer = _answer(words, viewer, show)
        if answer:
            await socket.send_json(answer)


def _parse(text: str) -> dict[str, Any] | None:
    try:
        words = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return words if isinstance(words, dict) else None


def _answer(words: dict[str, Any], viewer: Viewer, show: Show) -> dict[str, Any] | None:
    match words:
        case {"ack": int(number)} if number is not True:
            viewer.acknowledge(number)
        case {"ping": int() | float() as sent} if math.isfinite(sent):
            return {"pong": sent, "now": time.monotonic()}
        case {"act": str(name)}:
            try:
                show.controls.act(name, words.get("value"))
            except ConfigError as refused:
                return {"refused": str(refused)}
            show.broadcast.wake()
    return None


async def _serve_camera(socket: WebSocket, show: Show) -> None:
    await socket.accept()
    feed = show.feed
    if feed is None or feed.busy:
        await socket.close(NO_SOURCE if feed is None else BUSY)
        return
    feed.busy = True
    show.taken.set()
    try:
        code = await _first_of(
            _ask_for_pictures(socket, show), _take_pictures(socket, feed, show), _event(show.closing)
        )
    finally:
        feed.busy = False
    await _close(socket, code)


async def _ask_for_pictures(socket: WebSocket, show: Show) -> None:
    while True:
        await show.taken.wait()
        show.taken.clear()
        await _sent(socket.send_json({"next": True}), show.limits.silent_s)


async def _take_pictures(socket: WebSocket, feed: Feed, show: Show) -> int | None:
    limits = show.limits
    bucket = Bucket(limits.rate, limits.burst)
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            return None
        data = received.get("bytes")
        if not bucket.take():
            return NOT_WANTED
        size = None if data is None else jpeg_size(data)
        if data is None or size is None:
            return NONSENSE
        if len(data) > limits.jpeg_bytes or max(size) > limits.jpeg_side:
            return TOO_LARGE
        feed.put(Arrived(data, time.monotonic()))


async def _close(socket: WebSocket, code: int | None) -> None:
    if code is not None:
        try:
            await socket.close(code)
        except (WebSocketDisconnect, RuntimeError):
            return  # it was faster


async def _first_of(*works: Coroutine[Any, Any, int | None]) -> int | None:
    """What the first of ``works`` to end returns; the others are cancelled. One that took too long, or whose page has
    left, ends like one whose page is not wanted."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    try:
        return next(iter(done)).result()
    except (TimeoutError, WebSocketDisconnect, OSError):
        return NOT_WANTED
