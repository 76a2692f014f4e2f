"""A server that speaks the routes by which Spaces are made on the Hugging Face hub, and knows one token."""

import base64
import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN = "hf_of_the_tests"


@dataclass
class Account:
    """What the server has of one Space, and what was asked of it, in order; large files are kept by their hashes."""

    made: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    hardware: str = "cpu-basic"
    asked: list[str] = field(default_factory=list)
    large: dict[str, bytes] = field(default_factory=dict)
    url: str = ""


def handler(account: Account) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.known() and re.match(r"/api/spaces/[\w/-]+/tree/main", self.path):
                self.tell([{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in account.files])

        def do_PUT(self) -> None:
            account.large[self.path.rpartition("/")[2]] = self.body()
            self.tell({})

        def do_POST(self) -> None:
            body = self.body()
            what = self.path.partition("?")[0].rpartition("/")[2]
            account.asked.append(re.sub(r"/(preupload|commit)/main", r"/\1", self.path).rpartition("/")[2])
            if not self.known():
                return
            if "/commit/" in self.path:
                self.commit([json.loads(line) for line in body.splitlines()])
                return
            given = json.loads(body)
            if "/preupload/" in self.path:
                modes = {True: "lfs", False: "regular"}
                files = [
                    {
                        "path": each["path"],
                        "uploadMode": modes[each["path"].endswith(".safetensors")],
                        "shouldIgnore": False,
                    }
                    for each in given["files"]
                ]
                self.tell({"files": files})
            elif what == "create":
                self.create(given)
            elif what == "variables":
                account.variables[given["key"]] = given["value"]
                self.tell({name: {"value": value} for name, value in account.variables.items()})
            elif what == "hardware":
                account.hardware = given["flavor"]
                self.tell({"stage": "BUILDING", "hardware": {"current": None, "requested": given["flavor"]}})
            elif what == "batch":
                links = [
                    {**each, "actions": {"upload": {"href": f"{account.url}/large/{each['oid']}"}}}
                    for each in given["objects"]
                ]
                self.tell({"transfer": "basic", "objects": links})
            else:  # validate-yaml
                self.tell({"errors": [], "warnings": []})

        def create(self, given: dict[str, Any]) -> None:
            there = bool(account.made)
            account.made = account.made or given
            self.tell({"url": f"{account.url}/spaces/{given['organization']}/{given['name']}"}, 409 if there else 200)

        def commit(self, lines: list[dict[str, Any]]) -> None:
            for line in lines:
                value = line["value"]
                if line["key"] == "file":
                    account.files[value["path"]] = base64.b64decode(value["content"])
                elif line["key"] == "lfsFile":
                    data = account.large[value["oid"]]
                    assert hashlib.sha256(data).hexdigest() == value["oid"]
                    account.files[value["path"]] = data
                elif line["key"] == "deletedFile":
                    del account.files[value["path"]]
            self.tell({"commitUrl": f"{account.url}/spaces/me/colors/commit/{'1' * 40}", "commitOid": "1" * 40})

        def known(self) -> bool:
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                return True
            self.tell({"error": "Invalid credentials"}, 401)
            return False

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)

        def tell(self, answer: Any, code: int = 200) -> None:
            data = json.dumps(answer).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *words: object) -> None:
            pass

    return Handler


@contextlib.contextmanager
def running_spaces() -> Iterator[Account]:
    """The server, with an account that has no Space yet."""
    account = Account()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(account))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    account.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield account
    finally:
        server.shutdown()
        server.server_close()
