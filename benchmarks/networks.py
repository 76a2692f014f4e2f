"""The time of each network that colours in one pass, ours beside the published classics; no weights are needed.

    python benchmarks/networks.py [--rounds 5]

Weights are random, which does not change the time. Each network receives what it receives of a 4:3 photo by default: a
square where it was published for one, else the working size. Seconds are medians of rounds in which all networks take
turns, after a first round that does not count.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Print one row a network."""
    sys.path.insert(0, str(ROOT))
    import torch

    from colorizers.methods.convolutional import Convolutional
    from colorizers.methods.photo_methods import PHOTO_METHODS
    from colorizers.options import validated
    from colorizers.picture.photo import network_size

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    networks, inputs, seconds = {}, {}, {}
    for method in PHOTO_METHODS.values():
        if isinstance(method, Convolutional):
            for name, make in method.networks.items():
                choice = {"weights": name} if len(method.networks) > 1 else {}
                options = validated(method.info.options, choice)
                side, key = method.square(options), method.key(options)
                inputs[key] = (side, side) if side else network_size((1024, 768), options.working_size)
                networks[key], seconds[key] = make().eval(), []
    with torch.inference_mode():
        for _ in range(rounds + 1):
            for key, network in networks.items():
                width, height = inputs[key]
                lightness = 100 * torch.rand(1, 1, height, width)
                start = time.perf_counter()
                network(lightness)
                seconds[key].append(time.perf_counter() - start)
    print("| network | million parameters | receives | s |\n|---|---|---|---|")
    for key, network in networks.items():
        millions = sum(parameter.numel() for parameter in network.parameters()) / 1e6
        width, height = inputs[key]
        print(f"| {key} | {millions:.1f} | {width}x{height} | {statistics.median(seconds[key][1:]):.3f} |")
    print(f"\n{torch.get_num_threads()} threads.")


if __name__ == "__main__":
    main()
