"""Many clients at once against the real server: is a result lost or swapped, does it crash, does it grow?

    make soak T=10m N=50
    python benchmarks/soak.py --time 10m --clients 50

Starts `python app.py` with a temporary folder of its own. Each client sends one photo after the other, each with a
pattern of its own, which a result must show again: mostly to quick methods, now and then to a slow one; some jobs are
cancelled, some connections cut in the middle, some files are no pictures. At last SIGTERM ends it while jobs run. The
clients compute on the same machine. Exit code 1 when a promise is broken.
"""

import argparse
import contextlib
import io
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from own_server import OwnServer

from colorizers.methods.converted import PAYS_AFTER

ROOT = Path(__file__).resolve().parent.parent
QUICK = ("unet", "gan", "resnet_unet", "multicolor", "cnn", "transformer")
SLOW = {"diffusion": {"variants": 2}, "style": {"steps": 20}}
"""Methods that take seconds, and their options; `style` gets a reference besides."""
REFERENCE = ROOT / "test_images" / "parrot.jpg"
SIZE = (512, 384)
PATIENCE = 600  # seconds without any word on a job after which it counts as lost
GROWTH = 1.1  # of memory after the first minute, at most
END = 30  # seconds that the server may take to end
LAST = 3  # jobs that run or wait then
ACTS = {"quick": 70, "slow": 6, "cancelled": 8, "cut off": 8, "no picture": 8}
"""What clients do, by weight."""
PROMISES = ("lost", "swapped", "changed", "not refused", "crashed", "tracebacks", "grew", "not ended")
"""What must not happen."""
_COME_LATER = 503  # the queue is full
_LOOK_EVERY = 5  # seconds


@dataclass
class Log:
    """What became of every request, from all clients."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    broken: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, what: str) -> None:
        """One more of these."""
        with self._lock:
            self.counts[what] += 1

    def took(self, method: str, seconds: float) -> None:
        """A photo came back whole."""
        with self._lock:
            self.counts["coloured"] += 1
            self.seconds[method].append(seconds)

    def breaks(self, promise: str, why: str) -> None:
        """A promise was not kept."""
        with self._lock:
            self.counts[promise] += 1
            self.broken.append(f"{promise}: {why}")


class Client:
    """One of many, with requests of its own until the time is over."""

    def __init__(self, server: str, number: int, handlers: Mapping[str, int], log: Log) -> None:
        self._http = httpx.Client(base_url=f"{server}/gradio_api/", timeout=PATIENCE)
        self._name = f"client {number}"
        self._random = random.Random(number)
        self._patterns = np.random.default_rng(number % 2**32)
        self._handlers = handlers
        self._log = log

    def run(self, until: float) -> None:
        """Go on until a moment of the monotonic clock; what has begun is ended."""
        acts: dict[str, Callable[[], None]] = {
            "quick": lambda: self._colour(self._random.choice(QUICK)),
            "slow": lambda: self._colour(self._random.choice(list(SLOW))),
            "cancelled": lambda: self._leave(say_so=True),
            "cut off": lambda: self._leave(say_so=False),
            "no picture": self._send_rubbish,
        }
        with self._http:
            while time.monotonic() < until:
                act = self._random.choices(list(ACTS), list(ACTS.values()))[0]
                try:
                    acts[act]()
                except httpx.HTTPStatusError as error:
                    self._refused(act, error)
                except (httpx.HTTPError, ValueError, LookupError) as error:
                    self._log.breaks("lost", f"{self._name}, {act}: {error!r}")

    def colour_by(self, *methods: str) -> None:
        """One photo by each of these, when nobody else is there."""
        with self._http:
            for method in methods:
                self._colour(method)

    def stay(self, begun: threading.Barrier) -> None:
        """Begin something long, and hear of it to the end though the server ends: a photo, or a sentence."""
        with self._http:
            events = self._events(self._begin(as_png(pattern(self._patterns)), "style"))
            last = next(events, ("nothing", ""))
            begun.wait()
            with contextlib.suppress(httpx.TransportError):
                for event in events:
                    last = event
        if last[0] == "complete" or (last[0] == "error" and json.loads(last[1])["error"]):
            self._log.count("heard of the server's end")
        else:
            self._log.breaks("lost", f"{self._name} at the server's end: {last}")

    def _refused(self, act: str, error: httpx.HTTPStatusError) -> None:
        if error.response.status_code != _COME_LATER:
            self._log.breaks("lost", f"{self._name}, {act}: {error}")
            return
        self._log.count("asked to come later")
        time.sleep(self._random.uniform(0.5, 2))

    def _colour(self, method: str) -> None:
        """Have a photo coloured, and look whether it is the same photo that comes back."""
        pixels = pattern(self._patterns)
        begun = time.monotonic()
        job = self._begin(as_png(pixels), method)
        event, data = self._last_event(job)
        if event != "complete":
            self._log.breaks("lost", f"{self._name}, {method}: {event} {data}")
            return
        for file in json.loads(data)[0]:
            answer = self._http.get(file["url"])
            answer.raise_for_status()
            difference = np.abs(lightness(as_pixels(answer.content)) - lightness(pixels))
            if difference.mean() > 1:
                self._log.breaks("swapped", f"{self._name}, {method}: another photo came back")
            elif difference.max() > 0.5:
                self._log.breaks("changed", f"{self._name}, {method}: L* differs by {difference.max():.2f}")
        self._log.took(method, time.monotonic() - begun)

    def _leave(self, say_so: bool) -> None:
        """Begin something long and go, with or without a word: at once, or after a sign of life."""
        method = self._random.choice(list(SLOW))
        job = self._begin(as_png(pattern(self._patterns)), method)
        with contextlib.closing(self._events(job)) as events:
            if self._random.random() < 0.7:
                next(events, None)
            if say_so:
                about = {"session_hash": job, "fn_index": self._handlers[method], "event_id": job}
                self._http.post("cancel", json=about).raise_for_status()
        self._log.count("cancelled" if say_so else "cut off")

    def _send_rubbish(self) -> None:
        """Send what is no picture: it is refused in a sentence."""
        photo = as_png(pattern(self._patterns))
        rubbish = [b"", b"no picture", photo[: len(photo) // 2], b"\x89PNG\r\n\x1a\n" + self._random.randbytes(4000)]
        event, data = self._last_event(self._begin(self._random.choice(rubbish), "unet"))
        if event == "error" and str(json.loads(data)["error"]).endswith("."):
            self._log.count("refused in a sentence")
        else:
            self._log.breaks("not refused", f"{self._name}: {event} {data}")

    def _begin(self, photo: bytes, method: str) -> str:
        """Upload and ask; gives the id of the job."""
        body: dict[str, Any] = {"photo": self._upload(photo, "photo.png"), **SLOW.get(method, {})}
        if method == "style":
            body["reference"] = self._upload(REFERENCE.read_bytes(), REFERENCE.name)
        answer = self._http.post(f"call/v2/colorize_{method}", json=body)
        answer.raise_for_status()
        return str(answer.json()["event_id"])

    def _upload(self, data: bytes, name: str) -> dict[str, Any]:
        answer = self._http.post("upload", files={"files": (name, data)})
        answer.raise_for_status()
        return {"path": answer.json()[0], "orig_name": name, "meta": {"_type": "gradio.FileData"}}

    def _last_event(self, job: str) -> tuple[str, str]:
        last = ("nothing", "")
        for last in self._events(job):
            if last[0] in ("complete", "error"):
                break
        return last

    def _events(self, job: str) -> Iterator[tuple[str, str]]:
        """The events of a job, each with its data; closing it cuts the connection."""
        with self._http.stream("GET", f"call/colorize/{job}") as answer:
            answer.raise_for_status()
            kind = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    kind = value
                elif name == "data" and kind != "heartbeat":
                    yield kind, value


def pattern(random_numbers: np.random.Generator) -> np.ndarray:
    """A gray picture (H, W) uint8 that nobody else has: squares of all tones."""
    squares = random_numbers.integers(0, 256, (SIZE[1] // 32, SIZE[0] // 32), dtype=np.uint8)
    return squares.repeat(32, 0).repeat(32, 1)


def as_png(pixels: np.ndarray) -> bytes:
    """The picture as a file."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", compress_level=1)
    return file.getvalue()


def as_pixels(data: bytes) -> np.ndarray:
    """A file as (H, W, 3) uint8."""
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def lightness(pixels: np.ndarray) -> np.ndarray:
    """L* (H, W) of sRGB (H, W, 3) or of gray (H, W), by CIE 1976: apart from the program, which is to be judged."""
    levels = np.arange(256) / 255
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)[pixels]
    light = linear @ np.array([0.2126729, 0.7151522, 0.0721750]) if pixels.ndim == 3 else linear
    return np.where(light > 0.008856, 116 * np.cbrt(light) - 16, 903.3 * light)


@dataclass(frozen=True)
class Sizes:
    """Of the server, in MB: its memory after every minute and at the end, and the most that it had on disk."""

    by_minute: list[float]
    end: float
    most_on_disk: float


class Server(OwnServer):
    """The app in a process of its own, with a temporary folder of its own, and a line with room for these clients.

    They all have one address, which may have half of the places.
    """

    def __init__(self, folder: Path, clients: int) -> None:
        self.files, self._said = folder / "temporary", folder / "server.log"
        self.files.mkdir()
        surroundings = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
        with self._said.open("w") as log:
            own = {"TMPDIR": str(self.files), "COLORIZERS_QUEUE_SIZE": str(4 * (clients + LAST))}
            super().__init__(env=surroundings | own, stdout=log, stderr=log)

    @property
    def megabytes(self) -> float:
        """Of main memory."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    @property
    def megabytes_on_disk(self) -> float:
        """Of uploads and results; what vanishes meanwhile does not count."""
        size = 0
        for root, _, names in os.walk(self.files):
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    size += Path(root, name).stat().st_size
        return size / 1e6

    @property
    def tracebacks(self) -> int:
        """How many it has printed."""
        return self._said.read_text(errors="replace").count("Traceback (most recent call last)")

    def handlers(self) -> dict[str, int]:
        """The numbers by which jobs of methods are cancelled."""
        dependencies = httpx.get(f"{self.url}/config", timeout=60).json()["dependencies"]
        found = {each["api_name"]: each["id"] for each in dependencies}
        return {method: found[f"colorize_{method}"] for method in (*QUICK, *SLOW)}

    def ended(self) -> tuple[int | None, float]:
        """Its exit code after SIGTERM, None where it had to be killed, and the seconds that it took."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(END), time.monotonic() - begun
        except subprocess.TimeoutExpired:
            self.process.kill()
            return None, time.monotonic() - begun

    def last_words(self) -> str:
        """The end of what it printed."""
        return self._said.read_text(errors="replace")[-4000:]


def soaked(server: Server, clients: int, seconds: float, log: Log) -> Sizes:
    """Let the clients loose for a time, and look after the server meanwhile; all clients have ended then."""
    handlers = server.handlers()
    # Memory has all models from the beginning, and where OpenVINO is installed also what it makes of them.
    Client(server.url, clients, handlers, Log()).colour_by(*QUICK * (PAYS_AFTER + 1), *SLOW)
    begun = time.monotonic()
    threads = [
        threading.Thread(target=Client(server.url, number, handlers, log).run, args=(begun + seconds,), daemon=True)
        for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    by_minute: list[float] = []
    on_disk = 0.0
    while server.alive and any(thread.is_alive() for thread in threads):
        time.sleep(_LOOK_EVERY)
        if time.monotonic() - begun >= 60 * (len(by_minute) + 1):
            by_minute.append(server.megabytes)
        on_disk = max(on_disk, server.megabytes_on_disk)
    if not server.alive:
        log.breaks("crashed", server.last_words())
        return Sizes(by_minute, 0, on_disk)
    Client(server.url, clients, handlers, log).colour_by(QUICK[0])
    return Sizes(by_minute, server.megabytes, on_disk)


def ended_with_jobs(server: Server, log: Log) -> tuple[int | None, float]:
    """As `Server.ended`, while as many long jobs wait or run as the server has in hand at once."""
    handlers, begun = server.handlers(), threading.Barrier(LAST + 1)
    stayers = [
        threading.Thread(target=Client(server.url, -1 - k, handlers, log).stay, args=(begun,)) for k in range(LAST)
    ]
    for stayer in stayers:
        stayer.start()
    begun.wait(PATIENCE)
    end = server.ended()
    for stayer in stayers:
        stayer.join()
    return end


def report(log: Log, sizes: Sizes, code: int | None, seconds: float, left: float) -> None:
    """Print what happened."""
    for what, count in (dict.fromkeys(PROMISES, 0) | dict(sorted(log.counts.items()))).items():
        print(f"{what}: {count}")
    minutes = ", ".join(f"{size:.0f}" for size in sizes.by_minute)
    print(f"memory after each minute: {minutes or 'none'}; at the end: {sizes.end:.0f} MB")
    print(f"disk: {sizes.most_on_disk:.0f} MB at most, {left:.1f} MB after the end")
    print(f"the end by SIGTERM: exit code {code}, {seconds:.1f} s\n")
    print("| method | photos | p50, s | p95, s |\n|---|---|---|---|")
    for method, times in sorted(log.seconds.items()):
        cuts = statistics.quantiles(times, n=20, method="inclusive") if len(times) > 1 else times * 19
        print(f"| {method} | {len(times)} | {cuts[9]:.1f} | {cuts[18]:.1f} |")
    print()
    for broken in log.broken:
        print(broken, file=sys.stderr)


def duration(text: str) -> float:
    """Seconds, as in 90s, 10m or 1h."""
    units = {"s": 1, "m": 60, "h": 3600}
    if text[-1:] not in units:
        raise argparse.ArgumentTypeError("a number with s, m or h, such as 10m")
    return float(text[:-1]) * units[text[-1]]


def main() -> int:
    """Print the report; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--time", type=duration, default="10m")
    parser.add_argument("--clients", type=int, default=50)
    arguments = parser.parse_args()
    log = Log()
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), arguments.clients)
        try:
            server.wait_until_ready()
            sizes = soaked(server, arguments.clients, arguments.time, log)
            code, seconds = ended_with_jobs(server, log) if server.alive else server.ended()
        finally:
            server.ended()
        if sizes.by_minute and sizes.end > GROWTH * sizes.by_minute[0]:
            log.breaks("grew", f"from {sizes.by_minute[0]:.0f} to {sizes.end:.0f} MB")
        if server.tracebacks:
            log.breaks("tracebacks", f"{server.tracebacks}, the last of them: {server.last_words()}")
        if code != 0:
            log.breaks("not ended", f"by SIGTERM within {END} s with 0")
        report(log, sizes, code, seconds, server.megabytes_on_disk)
    return 1 if log.broken else 0


if __name__ == "__main__":
    sys.exit(main())
