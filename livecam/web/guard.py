"""Who may ask, and what every answer says of itself. Around the whole application, before any route."""

from __future__ import annotations

import hmac
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livecam.web.address import Address, allowed, host_of

SECURITY = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), fullscreen=(self), screen-wake-lock=(self), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}
REFUSED = 4403  # WebSocket close code: only seen by who has been let in so far, else it is an HTTP 403


class Guard:
    """Checks Host, Origin and, where ``token`` is not None, the token: in the address (``?token=``), as
    ``Authorization: Bearer``, or in the cookie that the page is given in exchange for it.
    """

    def __init__(self, app: ASGIApp, address: Address, token: str | None) -> None:
        self._app, self._address, self._token = app, address, token
        self._cookie = f"livecam-{address.port}"  # cookies do not tell ports apart

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        answer = self._refusal(scope, headers)
        if answer is None:
            await self._app(scope, receive, _signed(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": REFUSED, "reason": ""})
        else:
            await answer(scope, receive, _signed(send))

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """None: welcome."""
        if not allowed(host_of(headers.get("host", "")), self._address):
            return PlainTextResponse("This server is not known by that name.", 421)
        if not _same_origin(scope, headers):
            return PlainTextResponse("Other sites may not ask.", 403)
        if self._token is None:
            return None
        if self._is_token(_from_query(scope)):
            return self._exchange() if scope["type"] == "http" and scope["path"] == "/" else None
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if (scheme.lower() == "bearer" and self._is_token(bearer)) or self._is_token(self._from_cookie(headers)):
            return None
        return PlainTextResponse("A token is needed: open the address that the server has printed.", 401)

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), (self._token or "").encode())

    def _from_cookie(self, headers: Headers) -> str:
        try:
            kept = SimpleCookie(headers.get("cookie", "")).get(self._cookie)
        except CookieError:
            return ""
        return str(kept.value) if kept else ""

    def _exchange(self) -> Response:
        """The token leaves the address bar, and with it the history and what is shared."""
        answer = RedirectResponse("/", 303)
        # Lax, not strict: a strict one would not follow a link or a scanned code through the redirection.
        answer.set_cookie(self._cookie, self._token or "", httponly=True, samesite="lax")
        return answer


def _from_query(scope: Scope) -> str:
    try:
        fields = parse_qs(str(scope["query_string"], "latin-1"), max_num_fields=20)
    except ValueError:  # too many fields
        return ""
    return fields.get("token", [""])[-1]


def _same_origin(scope: Scope, headers: Headers) -> bool:
    """A browser says who asks: by Origin for WebSockets, by Sec-Fetch-Site for pictures and scripts of other sites."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None:
        try:
            asker = urlsplit(origin)
        except ValueError:
            return False
        if asker.scheme not in ("http", "https") or asker.netloc.lower() != headers.get("host", "").lower():
            return False
    return site != "cross-site" or headers.get("sec-fetch-mode") == "navigate"


def _signed(send: Send) -> Send:
    async def signed(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(SECURITY)
        await send(message)

    return signed
