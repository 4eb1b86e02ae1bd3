"""A page in the browser, served from this machine to this machine alone."""

import json
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

CONNECTIONS = 64  # at a time
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)

Answer = Callable[[bytes], object]
"""From what was posted to what can be written as JSON; a ValueError becomes status 400."""


class Handler(BaseHTTPRequestHandler):
    """GET / is the page; other paths are answered in JSON by the server's functions."""

    server: "LocalPage"
    protocol_version = "HTTP/1.1"
    timeout = 10  # seconds to wait for what a client promised
    disable_nagle_algorithm = True  # which holds back small answers for 40 ms

    def do_GET(self) -> None:
        """Answer with the page, or what a function returns."""
        if not self._is_from_here():
            return
        if self.path == "/":
            self._send(HTTPStatus.OK, self.server.page.read_bytes(), "text/html; charset=utf-8")
        elif self.path in self.server.gets:
            self._reply(self.server.gets[self.path])
        else:
            known = ", ".join(["/", *self.server.gets])
            self._refuse(HTTPStatus.NOT_FOUND, f"expected {known}")

    def do_POST(self) -> None:
        """Answer with what a function makes of the body."""
        if not self._is_from_here():
            return
        length = self.headers.get("Content-Length", "")
        if self.path not in self.server.posts:
            known = ", ".join(self.server.posts)
            self._refuse(HTTPStatus.NOT_FOUND, f"expected a POST to {known}")
        elif not (length.isascii() and length.isdecimal()):
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "expected a Content-Length")
        elif len(length) > 10 or int(length) > self.server.largest:
            most = f"expected at most {self.server.largest} bytes, got {length[:20]}"
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, most)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                why = f"{length} bytes promised, {len(body)} came"
                self._refuse(HTTPStatus.BAD_REQUEST, why)
            else:
                self._reply(self.server.posts[self.path], body)

    def _is_from_here(self) -> bool:
        """Refuse pages of other sites, also one that had its own name resolved to this machine."""
        here = {f"{name}:{self.server.server_port}" for name in ("127.0.0.1", "localhost")}
        origin = self.headers.get("Origin")
        if self.headers.get("Host", "") not in here:
            why = "expected to be called 127.0.0.1 or localhost, with the port"
        elif (origin is not None and origin not in {f"http://{name}" for name in here}) or (
            self.path != "/" and self.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
        ):
            why = "expected to be asked by this page, not by another site's"
        else:
            return True
        self._refuse(HTTPStatus.FORBIDDEN, why)
        return False

    def _reply(self, answer: Callable[..., object], *body: bytes) -> None:
        try:
            content = json.dumps(answer(*body), allow_nan=False).encode()
        except ValueError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except Exception as error:  # noqa: BLE001 - the page is to say so
            why = f"{type(error).__name__}: {error}"
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, why)
        else:
            self._send(HTTPStatus.OK, content, "application/json")

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True  # what else it sent is not read
        self._send(status, json.dumps({"error": why}).encode(), "application/json")

    def _send(self, status: HTTPStatus, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("X-Content-Type-Options", "nosniff")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request, or another method, as everything else."""
        del explain
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:
            status, message = HTTPStatus.METHOD_NOT_ALLOWED, "expected GET or POST"
        self._refuse(status, message or status.description)

    def log_message(self, *arguments: object) -> None:
        """Say nothing of each request."""


class LocalPage(ThreadingHTTPServer):
    """The page's server, on this machine's own address.

    Parameters
    ----------
    page
        The HTML file: all of it, scripts and styles included.
    gets
        Functions that answer GET, by path.
    posts
        Functions that answer POST, by path.
    port
        Where; 0 for any that is free.
    largest
        Bytes that may be posted at a time.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        page: Path,
        gets: Mapping[str, Callable[[], object]],
        posts: Mapping[str, Answer],
        port: int = 0,
        largest: int = 1 << 20,
    ) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.page, self.gets, self.posts, self.largest = page, gets, posts, largest
        self._free = threading.BoundedSemaphore(CONNECTIONS)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.server_port}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; hang up on whoever is one too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room for the next."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let go of a client that hung up, or that did not send what it promised."""


def posted_object(body: bytes) -> dict[str, Any]:
    """Return a posted JSON object; raise ValueError if it is something else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"expected JSON ({error})") from None
    if not isinstance(found, dict):
        raise ValueError(f"expected a JSON object, got {type(found).__name__}")  # noqa: TRY004 - it becomes a 400
    return found
