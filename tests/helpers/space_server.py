"""A server that speaks the routes by which Spaces are made on the Hugging Face hub, and knows one token."""

import base64
import contextlib
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from local_server import Answering, serving

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


class SpaceAnswers(Answering):
    """What the hub answers an account."""

    def __init__(self, account: Account, *request: Any) -> None:
        self.account = account
        super().__init__(*request)

    def do_GET(self) -> None:
        if self.is_known() and re.match(r"/api/spaces/[\w/-]+/tree/main", self.path):
            files = [{"type": "file", "path": name, "size": 1, "oid": "0" * 40} for name in self.account.files]
            self.answer_json(files)

    def do_PUT(self) -> None:
        self.account.large[self.path.rpartition("/")[2]] = self.body()
        self.answer_json({})

    def do_POST(self) -> None:
        body = self.body()
        action = self.path.partition("?")[0].removesuffix("/main").rpartition("/")[2]
        self.account.asked.append(action)
        if not self.is_known():
            return
        if action == "commit":
            self.commit([json.loads(line) for line in body.splitlines()])
            return
        actions = {
            "create": self.create,
            "variables": self.set_variable,
            "hardware": self.set_hardware,
            "validate-yaml": self.validate,
            "preupload": self.tell_modes,
            "batch": self.tell_links,
        }
        actions[action](json.loads(body))

    def create(self, given: dict[str, Any]) -> None:
        there = bool(self.account.made)
        self.account.made = self.account.made or given
        address = f"{self.account.url}/spaces/{given['organization']}/{given['name']}"
        self.answer_json({"url": address}, 409 if there else 200)

    def set_variable(self, given: dict[str, Any]) -> None:
        self.account.variables[given["key"]] = given["value"]
        self.answer_json({name: {"value": value} for name, value in self.account.variables.items()})

    def set_hardware(self, given: dict[str, Any]) -> None:
        self.account.hardware = given["flavor"]
        self.answer_json({"stage": "BUILDING", "hardware": {"current": None, "requested": given["flavor"]}})

    def validate(self, given: dict[str, Any]) -> None:
        self.answer_json({"errors": [], "warnings": []})

    def tell_modes(self, given: dict[str, Any]) -> None:
        """By which way each file is to come."""
        files = [
            {**each, "uploadMode": "lfs" if each["path"].endswith(".safetensors") else "regular", "shouldIgnore": False}
            for each in given["files"]
        ]
        self.answer_json({"files": files})

    def tell_links(self, given: dict[str, Any]) -> None:
        """Where each large file is to be put."""
        links = [
            {**each, "actions": {"upload": {"href": f"{self.account.url}/large/{each['oid']}"}}}
            for each in given["objects"]
        ]
        self.answer_json({"transfer": "basic", "objects": links})

    def commit(self, lines: list[dict[str, Any]]) -> None:
        files = self.account.files
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                data = self.account.large[value["oid"]]
                assert hashlib.sha256(data).hexdigest() == value["oid"]
                files[value["path"]] = data
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        address = f"{self.account.url}/spaces/me/colors/commit/{'1' * 40}"
        self.answer_json({"commitUrl": address, "commitOid": "1" * 40})

    def is_known(self) -> bool:
        """Whether the token is right; who has another is told so."""
        if self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self.answer_json({"error": "Invalid credentials"}, 401)
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


@contextlib.contextmanager
def running_spaces() -> Iterator[Account]:
    """The server, with an account that has no Space yet."""
    account = Account()
    with serving(partial(SpaceAnswers, account)) as account.url:
        yield account
