"""How soon style transfer gets as far as a plain loop does in 50 steps: the same losses, weights and pictures.

The plain loop is that of "Color Reconstruction for Monochrome Images as Style Transfer", written simply: at every step
VGG-19 sees the picture, the photo and the reference, to the last layer that is used, and Adam moves the picture. Ours
computes what is fixed once, goes from coarse to fine, uses L-BFGS, and bfloat16 where the processor has instructions
for it. VGG-19 has random weights, the same for both.

python benchmarks/style.py [--size 384] [--steps 50] [--threads 2]
"""

import argparse
import sys
import time
from pathlib import Path

import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from colorizers.methods.method import Job, Step
from colorizers.methods.style import transfer as style
from colorizers.methods.style.canvas import RgbCanvas
from colorizers.methods.style.loss import StyleLoss
from colorizers.methods.style.options import StyleOptions, layers_of, loss_weights_of
from colorizers.networks.vgg import VGG19
from colorizers.picture.color import gray_rgb
from colorizers.picture.photo import Photo, network_size

ROOT = Path(__file__).resolve().parent.parent
PHOTO, REFERENCE = ROOT / "test_images" / "coffee_gray.jpg", ROOT / "test_images" / "citrus.jpg"
OURS = 60  # steps at most


def main() -> None:
    """Run both and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=384, help="short side of the picture in pixels")
    parser.add_argument("--steps", type=int, default=50, help="of the plain loop")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(0)
    network = VGG19().eval().requires_grad_(False)
    reference = Photo.open(REFERENCE)
    options = StyleOptions(
        weights="vgg19", reference=reference, mode="artistic", balance="original", style_weight=1000,
        content_weight=1, tv_weight=10, start="content", steps=OURS, seed=0,
    )  # fmt: skip
    lightness = Photo.open(PHOTO).network_lightness(given.size)
    fixed = reference.reference_rgb(network_size(reference.size, given.size))
    print(f"{lightness.shape[1]} x {lightness.shape[0]} pixels, {given.threads} threads, torch {torch.__version__}")

    began = time.monotonic()
    target = plain(network, lightness, fixed, options, given.steps)
    seconds = time.monotonic() - began
    print(f"plain loop: loss {target:.5g} after {given.steps} steps, {seconds:.1f} s")
    reached, step = ours(network, lightness, fixed, options, target)
    print(f"ours: loss {target:.5g} or less after {step} steps, {reached:.1f} s")
    print(f"{seconds / reached:.1f} times sooner")


def plain(network: nn.Module, lightness: Tensor, reference: Tensor, options: StyleOptions, steps: int) -> float:
    """The loss at the end of the plain loop."""
    canvas = RgbCanvas(lightness)
    content = gray_rgb(lightness)
    planes = canvas.planes(style.initial_lab(lightness, reference, options)).requires_grad_()
    adam = torch.optim.Adam([planes], options.learning_rate)
    for _ in range(steps):
        adam.zero_grad()
        # Made anew at every step: the network sees all three pictures each time.
        losses = StyleLoss(network, layers_of(options), loss_weights_of(options), content, reference)
        torch.stack(list(losses(canvas.rgb(planes), planes).values())).sum().backward()
        adam.step()
    with torch.no_grad():
        return sum(part.item() for part in losses(canvas.rgb(planes), planes).values())


def ours(
    network: nn.Module, lightness: Tensor, reference: Tensor, options: StyleOptions, target: float
) -> tuple[float, int]:
    """Seconds and steps until the loss at full size is no more than the target."""
    levels = style.pyramid(min(lightness.shape), OURS)
    coarse = OURS - levels[-1][1]
    began = time.monotonic()
    reached: list[tuple[float, int]] = []

    def report(step: Step) -> None:
        if step.losses and step.done > coarse and sum(step.losses.values()) <= target and not reached:
            reached.append((time.monotonic() - began, step.done))

    job = Job(models=None, device=torch.device("cpu"), report=report, stop_early=lambda: bool(reached))
    style.transfer(network, lightness, reference, options, levels, job)
    if not reached:
        raise SystemExit(f"The loss {target:.5g} was not reached in {OURS} steps.")
    return reached[0]


if __name__ == "__main__":
    main()
