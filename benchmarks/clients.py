"""How many photos a second the real server colours for 1, 4 and 16 clients, beside the bare network in full batches.

    python benchmarks/clients.py [--method unet] [--rounds 3] [--photos 24] [--json FILE]

The server runs in a process of its own, as `python app.py`, and the clients colour JPEGs of 1024x768 to JPEGs by
`/colorize_<method>`, as docs/api.md shows it with curl: upload, call, wait, download. In the same rounds this process
opens, colours and saves the same photo without a server, which is what one client's photo costs at least, and gives the
network what it receives of 16 photos at once, and of one. Clients and server share the processor, and seconds of it are
told beside those of the clock: on a busy machine these alone can be compared. Torch computes on both sides: OpenVINO
would begin after 100 photos. Figures are medians over the rounds; percentiles are of all photos.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
from networks import processor
from own_server import OwnServer, own_server
from pipeline import SIZE, picture

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = (1, 4, 16)
FULL = 16  # photos in a batch of the bare network
AGAIN = 5  # times that one photo is coloured without a server, and a batch is computed, in each round


class Taken(NamedTuple):
    """Seconds of the clock and of the processor."""

    clock: float
    cpu: float


def taken(work: Callable[[], Any]) -> Taken:
    """How long something takes here."""
    clock, cpu = time.perf_counter(), time.process_time()
    work()
    return Taken(time.perf_counter() - clock, time.process_time() - cpu)


class Sent(NamedTuple):
    """Seconds of a photo that was sent and fetched: of all of it, and of the transfers alone."""

    all: float
    transfer: float


def used_by(server: OwnServer) -> float:
    """Seconds of the processor that a server has used."""
    return sum(psutil.Process(server.process.pid).cpu_times()[:2])


@contextmanager
def server() -> Iterator[OwnServer]:
    """A server with room for all clients, which ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"GRADIO_TEMP_DIR": folder, "COLORIZERS_QUEUE_SIZE": str(4 * max(CLIENTS))}
        with own_server(stdout=subprocess.DEVNULL, env=os.environ | places) as running:
            yield running


def color(client: httpx.Client, url: str, method: str, photo: bytes) -> Sent:
    """Send a photo and fetch the result."""
    marks = [time.perf_counter()]
    (path,) = client.post(f"{url}/upload", files={"files": ("photo.jpg", photo)}).json()
    marks.append(time.perf_counter())
    given = {"photo": {"path": path, "meta": {"_type": "gradio.FileData"}}, "format": "jpeg"}
    event = client.post(f"{url}/call/v2/colorize_{method}", json=given).json()["event_id"]
    told = client.get(f"{url}/call/colorize_{method}/{event}").text
    marks.append(time.perf_counter())
    _, complete, data = told.rpartition("event: complete\ndata: ")
    if not complete:
        raise RuntimeError(told)
    client.get(json.loads(data)[0][0]["url"]).raise_for_status()
    marks.append(time.perf_counter())
    return Sent(marks[3] - marks[0], marks[1] - marks[0] + marks[3] - marks[2])


def throughput(running: OwnServer, clients: int, photos: int, method: str, photo: bytes) -> tuple[Taken, list[Sent]]:
    """So many photos by so many clients at once, each of which sends the next when it has its result.

    Gives what a photo takes, and the seconds of each.
    """
    numbers, seconds, lock = iter(range(photos)), [], threading.Lock()

    def work() -> None:
        with httpx.Client(timeout=600) as client:
            while True:
                with lock:
                    if next(numbers, None) is None:
                        return
                took = color(client, f"{running.url}/gradio_api", method, photo)
                with lock:
                    seconds.append(took)

    begun, used = time.perf_counter(), used_by(running)
    with ThreadPoolExecutor(clients) as pool:
        for each in [pool.submit(work) for _ in range(clients)]:
            each.result()
    lasted = time.perf_counter() - begun
    return Taken(lasted / photos, (used_by(running) - used) / photos), seconds


def alone(method: str, source: Path) -> tuple[Callable[[], Any], Callable[[int], Any]]:
    """One photo from file to file without a server, and the bare network with a batch of so many."""
    sys.path.insert(0, str(ROOT))
    from colorizers.threads import wait_briefly

    wait_briefly()
    import torch
    from networks import inputs

    from colorizers.engine import make_engine
    from colorizers.engine.jobs import JobRequest
    from colorizers.networks.prepared import prepared
    from colorizers.picture.photo import Photo

    engine = make_engine()
    colors = engine.methods[method]
    options = engine.checked(JobRequest(Photo.open(source), method)).options
    planes, _ = inputs(colors, options)
    network_of = colors.networks[colors.key(options).partition("/")[2]]
    bare = prepared(network_of(), torch.device("cpu")).requires_grad_(False)

    def road() -> None:
        engine.results(JobRequest(Photo.open(source), method))[0].save(source.with_suffix(".out.jpg"))

    def network(batch: int) -> None:
        with torch.inference_mode():
            bare.head.read(bare(torch.cat([planes[0]] * batch)))

    return road, network


def measured(method: str, rounds: int, photos: int) -> dict[str, Any]:
    """All that is printed."""
    served, took = defaultdict(list), defaultdict(list)
    roads, batches, ones = [], [], []
    with tempfile.TemporaryDirectory() as folder, server() as running:
        source = picture(Path(folder), SIZE)
        photo = source.read_bytes()
        road, network = alone(method, source)
        road(), network(FULL), network(1), throughput(running, 4, 8, method, photo)
        for _ in range(rounds):
            for _ in range(AGAIN):
                batches.append(taken(lambda: network(FULL)))
                ones.append(taken(lambda: network(1)))
                roads.append(taken(road))
            for clients in CLIENTS:
                each, seconds = throughput(running, clients, photos, method, photo)
                served[clients].append(each)
                took[clients] += seconds
    batch = Taken(*(each / FULL for each in median(batches)))
    rows = [row(clients, median(served[clients]), took[clients], batch) for clients in CLIENTS]
    road_alone = median(roads)
    added = statistics.median(each.all - each.transfer for each in took[1]) - road_alone.clock
    return {
        "method": method, "rows": rows, "added_ms": 1000 * added, "without_server": road_alone._asdict(),
        "network_in_batches": batch._asdict(), "network_one_by_one": median(ones)._asdict(),
    }  # fmt: skip


def median(times: Sequence[Taken]) -> Taken:
    """Of each part."""
    return Taken(*(statistics.median(part) for part in zip(*times, strict=True)))


def row(clients: int, served: Taken, took: Sequence[Sent], batch: Taken) -> dict[str, Any]:
    """The figures of so many clients, the seconds of whose photos are those of the server."""
    cuts = statistics.quantiles((each.all for each in took), n=20, method="inclusive")
    return {
        "clients": clients, "rate": 1 / served.clock, "of_bare": batch.clock / served.clock, "p50_s": cuts[9],
        "p95_s": cuts[18], "cpu_s": served.cpu, "cpu_of_bare": batch.cpu / served.cpu,
    }  # fmt: skip


def told(taken: dict[str, float]) -> str:
    """In ms."""
    return f"{1000 * taken['clock']:.0f} and {1000 * taken['cpu']:.0f}"


def main() -> None:
    """Print one row a number of clients."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="unet")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--photos", type=int, default=24, help="of each number of clients in a round")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    os.environ["COLORIZERS_RUNTIME"] = "torch"
    found = measured(arguments.method, arguments.rounds, arguments.photos)
    heads = (
        "clients",
        "photos/s",
        "of the bare network",
        "p50, s",
        "p95, s",
        "processor, s a photo",
        "of the network's",
    )
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for each in found["rows"]:
        figures = (each[name] for name in ("rate", "of_bare", "p50_s", "p95_s", "cpu_s", "cpu_of_bare"))
        print(f"| {each['clients']} | {' | '.join(f'{figure:.2f}' for figure in figures)} |")
    batch, one, road = (found[name] for name in ("network_in_batches", "network_one_by_one", "without_server"))
    print(
        f"\nThe bare network of {found['method']}, ms a photo by the clock and of the processor: {told(batch)} in "
        f"batches of {FULL}, {told(one)} one by one. One photo without a server: {told(road)}; the server adds "
        f"{found['added_ms']:.0f} ms to one client's photo beside transfer."
    )
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.")
    if arguments.json:
        machine = {"processor": processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        arguments.json.write_text(json.dumps({**machine, **found}, indent=1))


if __name__ == "__main__":
    main()
