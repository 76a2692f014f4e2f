"""How many photos a second two replicas on a Ray cluster colour, beside one; each computes in one thread.

    python benchmarks/cluster.py [--method unet] [--rounds 5] [--photos 24] [--json FILE]

Two clusters are started here, with one replica and with two, and take turns. A round colours so many photos of
1024x768, each of which goes into the object store anew, as many at once as the engine's line lets through; the events
are followed to their end. Printed are medians over the rounds, for the ratio of each round's. It needs two cores with
nothing else to do: beside other work two replicas have no second core, and only the seconds of the processor can be
compared. What a photo costs beside its network is the same for all methods, so that the ratio is lowest for the
quickest.
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent))
from networks import processor
from pipeline import SIZE, picture

ROOT = Path(__file__).resolve().parent.parent
REPLICAS = (1, 2)


class Round(NamedTuple):
    """Photos a second, and seconds of the processor a photo."""

    rate: float
    replicas: float
    rest: float


def colors(replicas: int, method: str, wanted: Connection) -> None:
    """In a process of its own: start a cluster, then answer numbers of photos with `Round`s, until 0 comes."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"OMP_NUM_THREADS": "1", "COLORIZERS_RUNTIME": "torch"}
    from colorizers.engine import make_engine
    from colorizers.engine.jobs import JobRequest
    from colorizers.engine.line import AT_ONCE
    from colorizers.picture.photo import Photo
    from colorizers.settings import Settings

    engine = make_engine(settings=Settings(engine="ray", min_replicas=replicas))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE[True] * replicas) as pool:
        source = picture(Path(folder), SIZE)
        while photos := wanted.recv():
            jobs = [engine.checked(JobRequest(Photo.open(source), method)) for _ in range(photos)]
            begun, before = time.perf_counter(), used()
            for _ in pool.map(lambda job: list(engine.run(job)), jobs):
                pass
            lasted, after = time.perf_counter() - begun, used()
            cpu = {part: (after[part] - before[part]) / photos for part in after}
            wanted.send(Round(photos / lasted, cpu["replicas"], cpu["rest"]))


def used() -> dict[str, float]:
    """Seconds of the processor: of the replicas, and of this process with the rest of its cluster."""
    seconds = {"replicas": 0.0, "rest": 0.0}
    own = psutil.Process()
    for process in (own, *own.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            part = "replicas" if "ray::ServeReplica" in process.cmdline()[0] else "rest"
            seconds[part] += sum(process.cpu_times()[:2])
    return seconds


def measured(method: str, rounds: int, photos: int) -> dict[int, list[Round]]:
    """The rounds, by the number of replicas."""
    context = multiprocessing.get_context("spawn")
    ends = {replicas: context.Pipe() for replicas in REPLICAS}
    processes = [context.Process(target=colors, args=(replicas, method, end[1])) for replicas, end in ends.items()]
    for process in processes:
        process.start()
    rounds_of: dict[int, list[Round]] = {replicas: [] for replicas in REPLICAS}
    for number in range(rounds + 1):  # the first one loads the models
        for replicas, (end, _) in ends.items():
            end.send(photos)
            found = end.recv()
            if number:
                rounds_of[replicas].append(found)
    for (end, _), process in zip(ends.values(), processes, strict=True):
        end.send(0)
        process.join()
    return rounds_of


def main() -> None:
    """Print the rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="unet")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    rounds = measured(arguments.method, arguments.rounds, arguments.photos)
    ratio = statistics.median(two.rate / one.rate for one, two in zip(*rounds.values(), strict=True))
    medians = {count: Round(*map(statistics.median, zip(*each, strict=True))) for count, each in rounds.items()}
    print("| replicas | photos/s | processor of the replicas, ms a photo | of the rest |\n|---|---|---|---|")
    for count, each in medians.items():
        print(f"| {count} | {each.rate:.2f} | {1000 * each.replicas:.0f} | {1000 * each.rest:.0f} |")
    print(f"\n{arguments.method}: two replicas colour {ratio:.2f} times as many as one.")
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.")
    if arguments.json:
        machine = {"processor": processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        found = {count: each._asdict() for count, each in medians.items()}
        told = machine | {"method": arguments.method, "ratio": ratio, "replicas": found}
        arguments.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
