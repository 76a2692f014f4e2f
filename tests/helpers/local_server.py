"""A server on this machine that answers as a test wants."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Answering(BaseHTTPRequestHandler):
    """Sends whole answers, and logs nothing."""

    def answer(self, data: bytes = b"", code: int = 200, headers: Mapping[str, str] = {}) -> None:
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def answer_json(self, content: Any, code: int = 200) -> None:
        self.answer(json.dumps(content).encode(), code, {"Content-Type": "application/json"})

    def log_message(self, *words: object) -> None:
        pass


@contextlib.contextmanager
def serving(handler: Callable[..., Answering]) -> Iterator[str]:
    """The address of a server that runs."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # The interval is how long its end is waited for.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
