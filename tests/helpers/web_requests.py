"""Requests to the server as a program or a browser makes them, without a library that checks them first."""

import json
import uuid

import httpx
from web_server import Server


def answer_of(server: Server, endpoint: str, data: list) -> str:
    """The whole answer to a raw request, as a program without the client library would read it."""
    call = f"{server.url}/gradio_api/call/{endpoint}"
    event = httpx.post(call, json={"data": data}).json()["event_id"]
    return httpx.get(f"{call}/{event}", timeout=120).text


def handlers_of(server: Server, event: str, inputs: int) -> list[int]:
    """The handlers of the page for an event of pictures, that take so many inputs and change more than one thing."""
    config = httpx.get(f"{server.url}/config").json()
    tabs = {component["id"] for component in config["components"] if component["type"] == "tabitem"}
    return [
        handler["id"]
        for handler in config["dependencies"]
        if handler["id"] in config["page"][""]["dependencies"]
        and event in {kind for part, kind in handler["targets"] if part not in tabs}
        and len(handler["inputs"]) == inputs
        and handler["outputs"][1:]
    ]


def page_event(server: Server, handler: int, data: list, event_data: object, session_hash: str = "") -> dict:
    """Send what a browser sends when something happens on the page, a new one unless it is named.

    Gives what the page is told in the end.
    """
    session = {"session_hash": session_hash or uuid.uuid4().hex}
    sent = {"data": data, "event_data": event_data, "fn_index": handler, **session}
    httpx.post(f"{server.url}/gradio_api/queue/join", json=sent).raise_for_status()
    answer = httpx.get(f"{server.url}/gradio_api/queue/data", params=session, timeout=120).text
    (done,) = (line for line in answer.splitlines() if "process_completed" in line)
    return json.loads(done.removeprefix("data:"))
