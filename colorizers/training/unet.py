"""The recipe of the plain U-Net and the loop that trains it.

Rebalanced soft cross-entropy over ab bins (Zhang et al. 2016). The learning rate is constant after a warm-up and
decays linearly over the last fifth, so that a run may be lengthened or cut short from any checkpoint of its
constant part.
"""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate
from torch.optim.swa_utils import AveragedModel

from colorizers.errors import ColorizerError
from colorizers.evaluation.metrics import ciede2000, colorfulness
from colorizers.networks.ab_bins import read_bins, smoothed_prior
from colorizers.networks.unet import UNet
from colorizers.picture.collection import Collection, center_square, read_collection
from colorizers.picture.color import encode_srgb, fit_gamut, rgb_to_lab
from colorizers.training.photos import aged, batches

_PRIOR_BATCHES = 60
_VALIDATION_PHOTOS, _VALIDATION_SIZE = 200, 160
_LOG_EVERY, _SAVE_EVERY = 50, 500


@dataclass(frozen=True)
class Recipe:
    """What the run does.

    A run that goes through without a stop is determined by its recipe and its photos, up to the order of float sums.
    One that was resumed is not: at every start a new pass over all photos begins, in a new order.
    """

    steps: int = 6000
    batch: int = 32
    size: int = 128
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warm_up: int = 200
    decay_share: float = 0.2
    ema: float = 0.999
    seed: int = 0

    def rate(self, step: int) -> float:
        """The share of the peak learning rate at a step."""
        return max(0.01, min(1.0, (step + 1) / self.warm_up, (self.steps - step) / (self.decay_share * self.steps)))


class Run:
    """Everything that a checkpoint holds: the network, its moving average, the optimizer, where the run stands."""

    def __init__(self, recipe: Recipe, photos: Sequence[Tensor]) -> None:
        torch.manual_seed(recipe.seed)
        network: UNet = UNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.bins.prior.copy_(smoothed_prior(_bin_counts(network, photos, recipe), network.bins.centers))
        self.network = network.train()
        self.average = AveragedModel(network, multi_avg_fn=_moving_average(recipe.ema), use_buffers=True)
        self.optimizer = torch.optim.AdamW(
            network.parameters(), recipe.learning_rate, (0.9, 0.99), weight_decay=recipe.weight_decay
        )
        self.random = torch.Generator().manual_seed(recipe.seed + 1)
        self.step, self.seconds = 0, 0.0

    @property
    def averaged(self) -> UNet:
        """The network with averaged weights: the one that is measured and shipped."""
        network = self.average.module
        assert isinstance(network, UNet)
        return network

    def save(self, path: Path) -> None:
        """Write a checkpoint; a kill at any moment leaves the old one or the new one."""
        parts = {name: getattr(self, name).state_dict() for name in ("network", "average", "optimizer")}
        state = parts | {"random": self.random.get_state(), "step": self.step, "seconds": self.seconds}
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def resume(self, path: Path) -> None:
        """Go on from a checkpoint, with a new pass over the photos; ColorizerError when it is none of this network."""
        try:
            state = torch.load(path, weights_only=True)
            for name in ("network", "average", "optimizer"):
                getattr(self, name).load_state_dict(state[name])
            self.random.set_state(state["random"])
            self.step, self.seconds = state["step"], state["seconds"]
        except Exception as error:  # a broken file reaches every corner of the unpickler
            raise ColorizerError(f"{path} is no checkpoint of this network; give another folder with --out.") from error


def train(data: list[Path], val: Path, out: Path, recipe: Recipe, command: str) -> None:
    """Train on folders or shards into the folder `out`; a run that was killed goes on from its last checkpoint.

    Raises ColorizerError when there is less than one batch of photos, or nowhere to write.
    """
    _make_folder(out)
    training, validation = read_collection(data), read_collection([val])
    for reason in (*training.left_out, *validation.left_out):
        print(f"left out: {reason}", flush=True)
    if len(training.photos) < recipe.batch:
        raise ColorizerError(
            f"There are {len(training.photos)} colour photographs for batches of {recipe.batch}; give more with --data."
        )
    run, checkpoint = Run(recipe, training.photos), out / "last.pt"
    if checkpoint.exists():
        run.resume(checkpoint)
        print(f"step {run.step}/{recipe.steps} read from {checkpoint}", flush=True)
    weights = run.network.bins.class_weights()
    source = batches(training.photos, recipe.batch, recipe.size, run.random)
    began, losses = time.monotonic() - run.seconds, []
    while run.step < recipe.steps:
        losses.append(train_step(run, next(source), weights, recipe))
        run.seconds = time.monotonic() - began
        if run.step % _LOG_EVERY == 0:
            speed = run.step * recipe.batch / run.seconds
            print(
                f"step {run.step}/{recipe.steps} loss {sum(losses) / len(losses):.4f} {speed:.1f} photos/s", flush=True
            )
            losses.clear()
        if run.step % _SAVE_EVERY == 0 or run.step == recipe.steps:
            run.save(checkpoint)
            figures = validate(run.averaged, validation.photos[:_VALIDATION_PHOTOS])
            print(f"step {run.step} validation {json.dumps(figures)}", flush=True)
            export(run.averaged, out / "unet.safetensors", _provenance(run, recipe, training, command))


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ColorizerError(f"The folder {out} cannot be made ({reason}); give another with --out.") from error


def train_step(run: Run, lab: Tensor, weights: Tensor, recipe: Recipe) -> float:
    """One optimizer step on Lab crops (B, 3, H, W); gives the loss."""
    for group in run.optimizer.param_groups:
        group["lr"] = recipe.learning_rate * recipe.rate(run.step)
    lightness = aged(lab[:, :1], run.random).contiguous(memory_format=torch.channels_last)
    loss = bin_loss(run.network, run.network(lightness), avg_pool2d(lab[:, 1:], 4), weights)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    run.average.update_parameters(run.network)
    run.step += 1
    return loss.item()


def _moving_average(decay: float) -> Callable[[Sequence[Tensor], Sequence[Tensor], Tensor | int], None]:
    """Exponential, with a decay that grows from 0.1 so that the random start is soon forgotten."""

    def update(averaged: Sequence[Tensor], current: Sequence[Tensor], count: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(count)) / (10 + int(count)))
        for mean, new in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(new, share)
            else:
                mean.copy_(new)

    return update


def bin_loss(network: UNet, logits: Tensor, ab: Tensor, weights: Tensor) -> Tensor:
    """Soft cross-entropy of logits (B, n, h, w) with true ab (B, 2, h, w), weighted by each pixel's nearest bin."""
    index, share = network.bins.encode(ab)
    log_odds = torch.log_softmax(logits, dim=1).movedim(1, -1).gather(-1, index)
    return -(weights[index[..., 0]] * (share * log_odds).sum(-1)).mean()


def _bin_counts(network: UNet, photos: Sequence[Tensor], recipe: Recipe) -> Tensor:
    """How often each bin is the nearest one, over some batches of training crops."""
    counts = torch.zeros(len(network.bins))
    source = batches(photos, recipe.batch, recipe.size, torch.Generator().manual_seed(recipe.seed))
    for _ in range(_PRIOR_BATCHES):
        ab = avg_pool2d(next(source)[:, 1:], 4)
        nearest = torch.cdist(ab.movedim(1, -1).reshape(-1, 2), network.bins.centers).argmin(1)
        counts += torch.bincount(nearest, minlength=len(counts))
    return counts


@torch.inference_mode()
def validate(network: UNet, photos: Sequence[Tensor]) -> dict[str, float]:
    """Mean CIEDE2000 and signed colourfulness at the default vividness, beside gray's and the truth's.

    On centre squares, in gamut; unlike the method, without the mirror image.
    """
    network.eval()
    totals = {"de00": 0.0, "cf": 0.0, "gray_de00": 0.0, "truth_cf": 0.0}
    for photo in photos:
        rgb = center_square(photo, _VALIDATION_SIZE)
        lab = rgb_to_lab(rgb)
        ab = read_bins(network.bins, network(lab[None, :1]))
        fitted, linear = fit_gamut(lab[0], interpolate(ab, rgb.shape[-2:], mode="bicubic")[0])
        coloured, gray = torch.cat((lab[:1], fitted)), torch.cat((lab[:1], torch.zeros_like(fitted)))
        totals["de00"] += ciede2000(coloured[None], lab[None]).mean().item()
        totals["gray_de00"] += ciede2000(gray[None], lab[None]).mean().item()
        totals["cf"] += colorfulness(encode_srgb(linear)[None]).item()
        totals["truth_cf"] += colorfulness(rgb[None]).item()
    network.train()
    return {name: total / len(photos) for name, total in totals.items()}


def export(network: UNet, path: Path, provenance: dict[str, str]) -> None:
    """Write the network as fp16 safetensors, its provenance in the header."""
    state = network.state_dict()
    half = {name: (value.half() if value.is_floating_point() else value).contiguous() for name, value in state.items()}
    save_file(half, path, metadata=provenance)


def _provenance(run: Run, recipe: Recipe, training: Collection, command: str) -> dict[str, str]:
    """What a reader needs to know of how the weights were made; safetensors headers hold strings only."""
    return {
        "recipe": json.dumps(asdict(recipe)),
        "photos": str(len(training.photos)),
        "photos_sha256": training.sha256,
        "steps_done": str(run.step),
        "seconds": str(math.ceil(run.seconds)),
        "device": f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "command": command,
    }
