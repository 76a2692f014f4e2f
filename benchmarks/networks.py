"""The network part of every method that colours in one pass, beside the published networks that do the same.

    python benchmarks/networks.py [--rounds 7] [--threads 2] [--json FILE] [--release benchmarks/networks.json]

Weights are random, which does not change the time. Each network receives what it receives of a 4:3 photo by default: a
square if it was published for one, else the working size, and the mirrored photo too if the method colours it; and it
is timed up to the colours in Lab. Those that OpenVINO can compute have a second row where it is installed. All take
turns: seconds are medians over the rounds, after one that does not count, and so are the ratios within each round.
Beside the figures of the last release, which `--json` wrote, it ends with 1 where a ratio has grown by a quarter.
"""

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent
PHOTO = (1024, 768)
_MOST = 1.25  # of the ratio of the last release
PEERS = (
    "transformer/ddcolor_tiny",
    "transformer/ddcolor_large",
    "cnn/siggraph17",
    "cnn/eccv16",
    "gan/deoldify_artistic",
)
BESIDE = (PEERS[0], PEERS[2])  # what the ratios are of
REFERENCE_SIDE = 128  # of the reference picture of adain, pixels


class Contender(NamedTuple):
    """A network, the shape that it receives, and what it does with it."""

    name: str
    receives: str
    parameters: int
    color: Callable[[], Any]


def contenders() -> Iterator[Contender]:
    """All networks of one pass: ours with torch and, where it is installed, with OpenVINO; then the peers."""
    import torch

    from colorizers.methods.adain import Adain
    from colorizers.methods.catalog import METHODS
    from colorizers.methods.converted import Converted, can_convert
    from colorizers.methods.convolutional import Convolutional
    from colorizers.networks.prepared import prepared
    from colorizers.options import controls

    cpu = torch.device("cpu")
    one_pass = [method for method in METHODS.values() if isinstance(method, Convolutional | Adain)]
    ours = [key for method in one_pass for key in method.own_weights]
    for key in (*ours, *PEERS):
        name, _, weights = key.partition("/")
        method = METHODS[name]
        options = {entry.name: entry.default for entry in controls(method.info.options)} | {"weights": weights}
        given, receives = inputs(method, method.info.options.model_construct(**options))
        network = prepared(method.networks[weights](), cpu).requires_grad_(False)
        size = sum(each.numel() for each in network.parameters())
        yield Contender(key, receives, size, coloring(network, given))
        if method.converts(key) and can_convert(cpu):
            yield Contender(f"{key}, OpenVINO", receives, size, coloring(Converted(network), given))


def inputs(method: Any, options: Any) -> tuple[list[Any], str]:
    """Random planes as the method gives them to its network by default, and their size in words."""
    import torch

    from colorizers.picture.photo import network_size

    side = method.square(options) if hasattr(method, "square") else None
    width, height = (side, side) if side else network_size(PHOTO, options.working_size)
    views = 2 if getattr(options, "flip", False) and not side else 1
    lightness = 100 * torch.rand(1, 1, height, width)
    given = [torch.cat((lightness, lightness.flip(-1))) if views == 2 else lightness]
    if hasattr(options, "reference"):
        given.append(100 * torch.rand(1, 3, REFERENCE_SIDE, REFERENCE_SIDE))
    return given, f"{views} x {width}x{height}"


def coloring(network: Any, given: list[Any]) -> Callable[[], Any]:
    """From lightness, and a reference where there is one, to colours."""
    lightness, *reference = given
    return lambda: network.head.read(network(lightness, *(network.style(each) for each in reference)))


def main() -> None:
    """Print one row a network."""
    sys.path.insert(0, str(ROOT))
    from colorizers.threads import wait_briefly

    wait_briefly()
    import torch

    from colorizers.methods import converted

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--release", type=Path, help="the figures of the last release, to compare the ratios with")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    converted.PAYS_AFTER = 0
    running = list(contenders())
    seconds: dict[str, list[float]] = {each.name: [] for each in running}
    with torch.inference_mode():
        for _ in range(arguments.rounds + 1):
            for each in running:
                start = time.perf_counter()
                each.color()
                seconds[each.name].append(time.perf_counter() - start)
    rows = [row(each, {name: times[1:] for name, times in seconds.items()}) for each in running]
    heads = ("network", "receives", "million parameters", "s", *(f"of {name}" for name in BESIDE))
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for each in rows:
        ratios = " | ".join(f"{each['of'][name]:.3f}" for name in BESIDE)
        print(f"| {each['network']} | {each['receives']} | {each['millions']:.1f} | {each['seconds']:.3f} | {ratios} |")
    print(f"\n{processor()}, {arguments.threads} threads, load {os.getloadavg()[0]:.1f}.")
    if arguments.json:
        machine = {"processor": processor(), "threads": arguments.threads, "load": os.getloadavg()[0]}
        arguments.json.write_text(json.dumps({**machine, "torch": torch.__version__, "rows": rows}, indent=1))
    if arguments.release and (slower := grown(rows, json.loads(arguments.release.read_text())["rows"])):
        sys.exit("Slower than in the last release:\n" + "\n".join(slower))


def grown(rows: list[dict[str, Any]], released: list[dict[str, Any]]) -> list[str]:
    """Of which networks the time, as a ratio to the last peer's, has grown since a release, and from what to what."""
    before, now = ({each["network"]: each["of"][BESIDE[-1]] for each in some} for some in (released, rows))
    both = before.keys() & now.keys()
    return [
        f"{name}: {before[name]:.3f} to {now[name]:.3f}" for name in sorted(both) if now[name] > _MOST * before[name]
    ]


def row(each: Contender, seconds: dict[str, list[float]]) -> dict[str, Any]:
    """The figures of one network."""
    own = seconds[each.name]
    ratios = {
        name: statistics.median(mine / theirs for mine, theirs in zip(own, seconds[name], strict=True))
        for name in BESIDE
    }
    return {
        "network": each.name,
        "receives": each.receives,
        "millions": each.parameters / 1e6,
        "seconds": statistics.median(own),
        "of": ratios,
    }


def processor() -> str:
    """The name of the processor."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.processor())


if __name__ == "__main__":
    main()
