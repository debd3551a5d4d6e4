"""A browser: Chromium, asked over a pipe in its own DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# Hands Chromium its pipe as the descriptors 3 and 4, where it looks for it.
_LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
)


class Browser:
    """One headless Chromium with one page; keeps what the page said to the console and asked the network for."""

    def __init__(self, program: str, profile: Path, ready: str) -> None:
        self._ready = ready
        to_read, self._write = os.pipe()
        self._read, to_write = os.pipe()
        options = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-pipe",
            f"--user-data-dir={profile}",
        ]
        options += ["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage", "about:blank"]
        command = [sys.executable, "-c", _LAUNCH, str(to_read), str(to_write), program, *options]
        self._process = subprocess.Popen(command, pass_fds=(to_read, to_write), stderr=subprocess.DEVNULL)
        os.close(to_read)
        os.close(to_write)
        self._buffer, self._number, self._session = b"", 0, None
        self.said: list[str] = []
        self.asked: list[str] = []
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, file: Path, *, width: int = 1400, height: int = 900, dark: bool = False) -> int:
        """Open a page and wait until it is ready: the number that ``ready`` gave then."""
        self.said.clear()
        self.asked.clear()
        self._ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._ask("Emulation.setEmulatedMedia", features=[scheme])
        self._ask("Page.navigate", url=file.as_uri())
        return int(self.wait(self._ready))

    @contextmanager
    def beforehand(self, script: str) -> Iterator[None]:
        """Pages that are opened here run the script before anything of their own."""
        number = self._ask("Page.addScriptToEvaluateOnNewDocument", source=script)["identifier"]
        yield
        self._ask("Page.removeScriptToEvaluateOnNewDocument", identifier=number)

    def wait(self, expression: str, seconds: float = 60.0) -> Any:
        """The value of an expression once it is truthy. Raises TimeoutError with what the console said."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.value(expression)
            if value:
                return value
            time.sleep(0.02)
        raise TimeoutError(f"{expression} never held; the console said {self.said}")

    def value(self, expression: str) -> Any:
        """What an expression gives in the page; a promise is awaited."""
        answer = self._ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def drag(self, element: str, dx: int) -> None:
        """Press the mouse in the middle of an element, move it sideways in ten steps, let go."""
        x, y = self._middle(element)
        self._mouse("mousePressed", x, y)
        for step in range(1, 11):
            self._mouse("mouseMoved", x + dx * step / 10, y)
        self._mouse("mouseReleased", x + dx, y)

    def point_at(self, element: str) -> None:
        """Move the mouse to the middle of an element."""
        self._mouse("mouseMoved", *self._middle(element))

    def _middle(self, element: str) -> tuple[float, float]:
        box = self.value(f"JSON.stringify({element}.getBoundingClientRect())")
        found = json.loads(box)
        return found["x"] + found["width"] / 2, found["y"] + found["height"] / 2

    def _mouse(self, kind: str, x: float, y: float) -> None:
        self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def screenshot(self, path: Path) -> None:
        """The visible part of the page as a PNG."""
        path.write_bytes(base64.b64decode(self._ask("Page.captureScreenshot")["data"]))

    def close(self) -> None:
        """End the browser."""
        self._session = None
        self._ask("Browser.close")
        os.close(self._write)
        self._process.wait(timeout=30)
        os.close(self._read)

    def _ask(self, method: str, **parameters: Any) -> Any:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self._hear(answer)

    def _next(self) -> Any:
        while b"\0" not in self._buffer:
            read = os.read(self._read, 1 << 20)
            assert read, "Chromium ended"
            self._buffer += read
        message, self._buffer = self._buffer.split(b"\0", 1)
        return json.loads(message)

    def _hear(self, event: Any) -> None:
        """Keep what the page does that it should not: words in the console, errors, requests."""
        kind, details = event.get("method"), event.get("params", {})
        if kind == "Runtime.exceptionThrown":
            self.said.append(details["exceptionDetails"].get("exception", {}).get("description", "an exception"))
        elif kind == "Runtime.consoleAPICalled":
            self.said.append(" ".join(str(argument.get("value")) for argument in details["args"]))
        elif kind == "Log.entryAdded":
            self.said.append(details["entry"]["text"])
        elif kind == "Network.requestWillBeSent":
            self.asked.append(details["request"]["url"])


def launched(profile: Path, ready: str) -> Iterator[Browser]:
    """Chromium for a fixture; without it the test is skipped, or fails where it must be.

    ``ready`` is an expression that gives a number above zero in a page that is ready to be looked at.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        reason = "Chromium is not installed (apt-get install chromium)"
        if os.environ.get("QUANTSAIL_REQUIRE_CHROMIUM") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    found = Browser(program, profile, ready)
    yield found
    found.close()
