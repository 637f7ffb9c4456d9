"""Chromium, driven by the DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.request import Request, urlopen

from websockets.sync.client import connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0", "--hide-scrollbars",
]  # fmt: skip


class Browser(AbstractContextManager["Browser"]):
    """One tab. ``run`` evaluates JavaScript, and waits for a promise."""

    def __init__(self, folder: Path, *flags: str) -> None:
        profile = folder / "profile"
        command = [str(CHROMIUM), *FLAGS, *flags, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self._stack = ExitStack()
        self._stack.callback(self._end)
        try:
            assert self._process.stderr is not None
            said = next(line for line in self._process.stderr if "DevTools listening on" in line)
            port = said.split("://", 1)[1].split("/")[0]
            with urlopen(Request(f"http://{port}/json/new?about:blank", method="PUT")) as answer:
                tab = json.load(answer)
            self._socket = self._stack.enter_context(connect(tab["webSocketDebuggerUrl"], max_size=None))
        except BaseException:
            self._stack.close()
            raise
        self._numbers = itertools.count(1)
        self.problems: list[str] = []
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._socket.recv(timeout=60))
            if message.get("id") == number:
                assert "error" not in message, message
                return dict(message["result"])
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        if message.get("method") == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(message["params"])[:800])
        elif message.get("method") == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
            self.problems.append(message["params"]["entry"]["text"])

    def open(self, url: str, size: tuple[int, int], *, dark: bool = False, touch: bool = False) -> None:
        width, height = size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        result = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def until(self, condition: str) -> Any:
        """Wait, picture by picture, until the expression is true; its value."""
        script = """(async () => {
            for (const end = Date.now() + 40000; Date.now() < end; ) {
                let value; try { value = CONDITION; } catch { value = null; }
                if (value) return value;
                await new Promise(done => setTimeout(done, 20));
            }
            return null;
        })()"""
        value = self.run(script.replace("CONDITION", condition))
        assert value, f"{condition} never came true; {self.problems}"
        return value

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _end(self) -> None:
        self._process.terminate()
        self._process.wait()
        if self._process.stderr:
            self._process.stderr.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
