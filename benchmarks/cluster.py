"""How many photos a second two replicas on a Ray cluster colour, beside one; each computes in one thread.

    python benchmarks/cluster.py [--method unet] [--rounds 5] [--photos 24] [--json FILE]

Two clusters are started here, with one replica and with two, and take turns. A round colours so many photos of 1024x768,
each of which goes into the object store anew, four jobs a replica at once; the events are followed to their end.
Printed are medians over the rounds, the second number of each round over its first for the ratio. It needs two cores
with nothing else to do: beside other work two replicas have no second core.
"""

import argparse
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

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(Path(__file__).resolve().parent), str(ROOT)]
from networks import processor
from pipeline import SIZE, picture

REPLICAS = (1, 2)
AT_ONCE = 4  # jobs a replica, as the line before the engine lets through


def colors(replicas: int, method: str, wanted: Connection) -> None:
    """In a process of its own: start a cluster, then answer numbers of photos with photos a second, until 0 comes."""
    os.environ |= {"OMP_NUM_THREADS": "1", "COLORIZERS_RUNTIME": "torch"}
    from colorizers.engine import make_engine
    from colorizers.engine.jobs import JobRequest
    from colorizers.picture.photo import Photo
    from colorizers.settings import Settings

    engine = make_engine(settings=Settings(engine="ray", min_replicas=replicas))
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(AT_ONCE * replicas) as pool:
        source = picture(Path(folder), SIZE)
        while photos := wanted.recv():
            jobs = [engine.checked(JobRequest(Photo.open(source), method)) for _ in range(photos)]
            begun = time.perf_counter()
            for _ in pool.map(lambda job: list(engine.run(job)), jobs):
                pass
            wanted.send(photos / (time.perf_counter() - begun))


def measured(method: str, rounds: int, photos: int) -> dict[int, list[float]]:
    """Photos a second in each round, by the number of replicas."""
    context = multiprocessing.get_context("spawn")
    ends = {replicas: context.Pipe() for replicas in REPLICAS}
    processes = [context.Process(target=colors, args=(replicas, method, end[1])) for replicas, end in ends.items()]
    for process in processes:
        process.start()
    rates: dict[int, list[float]] = {replicas: [] for replicas in REPLICAS}
    for number in range(rounds + 1):  # the first one loads the models
        for replicas, (end, _) in ends.items():
            end.send(photos)
            rate = end.recv()
            if number:
                rates[replicas].append(rate)
    for (end, _), process in zip(ends.values(), processes, strict=True):
        end.send(0)
        process.join()
    return rates


def main() -> None:
    """Print the rates and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", default="unet")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    rates = measured(arguments.method, arguments.rounds, arguments.photos)
    ratio = statistics.median(two / one for one, two in zip(*rates.values(), strict=True))
    medians = {replicas: statistics.median(each) for replicas, each in rates.items()}
    print("| replicas | photos/s |\n|---|---|")
    for replicas, rate in medians.items():
        print(f"| {replicas} | {rate:.2f} |")
    print(f"\n{arguments.method}: two replicas colour {ratio:.2f} times as many as one.")
    print(f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.")
    if arguments.json:
        machine = {"processor": processor(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}
        found = {"method": arguments.method, "ratio": ratio, "photos_per_second": medians, "rounds": rates}
        arguments.json.write_text(json.dumps(machine | found, indent=1))


if __name__ == "__main__":
    main()
