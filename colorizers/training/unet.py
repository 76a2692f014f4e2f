"""The recipe of the plain U-Net, and the one loop that trains it.

Rebalanced soft cross-entropy over ab bins (Zhang et al. 2016); constant learning rate after a warm-up, linear decay
over the last fifth, so that a run may be lengthened or cut short from any checkpoint of its constant part.
"""

import json
import math
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from colorizers.evaluation.metrics import ciede2000, colorfulness
from colorizers.networks.ab_bins import smoothed_prior
from colorizers.networks.unet import UNet
from colorizers.picture.color import fit_gamut, encode_srgb, rgb_to_lab
from colorizers.training.photos import PhotoSet, aged, batches, center_square, read_shards

PRIOR_BATCHES = 60
VALIDATION_SIZE = 160
DECODING = {"temperature": 0.7, "prior_share": 1.0}  # what progress is measured with


@dataclass(frozen=True)
class Recipe:
    """What the run does; together with the shards it determines the result up to the order of float sums."""

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


def bin_loss(network: UNet, logits: Tensor, ab: Tensor, weights: Tensor) -> Tensor:
    """Soft cross-entropy of logits (B, n, h, w) with true ab (B, 2, h, w), weighted by each pixel's nearest bin."""
    index, share = network.bins.encode(ab)
    log_odds = torch.log_softmax(logits, dim=1).movedim(1, -1).gather(-1, index)
    return -(weights[index[..., 0]] * (share * log_odds).sum(-1)).mean()


def _bin_counts(network: UNet, photos: list[Tensor], recipe: Recipe) -> Tensor:
    counts = torch.zeros(len(network.bins))
    source = batches(photos, recipe.batch, recipe.size, torch.Generator().manual_seed(recipe.seed))
    for _ in range(PRIOR_BATCHES):
        ab = torch.nn.functional.avg_pool2d(next(source)[:, 1:], 4)
        nearest = torch.cdist(ab.movedim(1, -1).reshape(-1, 2), network.bins.centers).argmin(1)
        counts += torch.bincount(nearest, minlength=len(counts))
    return counts


@torch.inference_mode()
def validate(network: UNet, photos: list[Tensor]) -> dict[str, float]:
    """Mean CIEDE2000 and signed colourfulness on centre squares, in gamut, beside gray's and the truth's."""
    network.eval()
    totals = {"de00": 0.0, "cf": 0.0, "gray_de00": 0.0, "truth_cf": 0.0}
    for photo in photos:
        rgb = center_square(photo, VALIDATION_SIZE)
        lab = rgb_to_lab(rgb)
        ab = network.bins.decode(network(lab[None, :1]), **DECODING)
        ab = torch.nn.functional.interpolate(ab, rgb.shape[-2:], mode="bicubic")[0]
        fitted, linear = fit_gamut(lab[0], ab)
        coloured = torch.cat((lab[:1], fitted))
        gray = torch.cat((lab[:1], torch.zeros_like(fitted)))
        totals["de00"] += ciede2000(coloured[None], lab[None]).mean().item()
        totals["gray_de00"] += ciede2000(gray[None], lab[None]).mean().item()
        totals["cf"] += colorfulness(encode_srgb(linear)[None]).item()
        totals["truth_cf"] += colorfulness(rgb[None]).item()
    network.train()
    return {name: total / len(photos) for name, total in totals.items()}


def _save(state: dict, path: Path) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def export(network: UNet, path: Path, provenance: dict[str, str]) -> None:
    """Write the network as fp16 safetensors, its provenance in the header."""
    state = {name: (value.half() if value.is_floating_point() else value) for name, value in network.state_dict().items()}
    save_file({name: value.contiguous() for name, value in state.items()}, path, metadata=provenance)


def train(data: list[Path], val: Path, out: Path, recipe: Recipe, command: str) -> None:
    """Train from `data` shards into the folder `out`; a run that was killed goes on from its last checkpoint."""
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(recipe.seed)
    random = torch.Generator().manual_seed(recipe.seed + 1)
    training, validation = read_shards(data), read_shards([val])
    network = UNet()
    network.bins.prior.copy_(smoothed_prior(_bin_counts(network, training.photos, recipe), network.bins.centers))
    network = network.to(memory_format=torch.channels_last).train()
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(recipe.ema), use_buffers=True
    )
    optimizer = torch.optim.AdamW(network.parameters(), recipe.learning_rate, (0.9, 0.99), weight_decay=recipe.weight_decay)
    step, seconds = 0, 0.0
    checkpoint = out / "last.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        random.set_state(state["random"])
        step, seconds = state["step"], state["seconds"]
    weights = network.bins.class_weights()
    source = batches(training.photos, recipe.batch, recipe.size, random)
    started, losses = time.monotonic() - seconds, []
    while step < recipe.steps:
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * recipe.rate(step)
        lab = next(source)
        logits = network(aged(lab[:, :1], random).contiguous(memory_format=torch.channels_last))
        loss = bin_loss(network, logits, torch.nn.functional.avg_pool2d(lab[:, 1:], 4), weights)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(network)
        losses.append(loss.item())
        step += 1
        if step % 50 == 0:
            elapsed = time.monotonic() - started
            print(f"step {step}/{recipe.steps} loss {sum(losses) / len(losses):.4f} {step * recipe.batch / elapsed:.1f} photos/s", flush=True)
            losses.clear()
        if step % 500 == 0 or step == recipe.steps:
            seconds = time.monotonic() - started
            state = {"network": network.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
            _save(state | {"random": random.get_state(), "step": step, "seconds": seconds}, checkpoint)
            figures = validate(average.module, validation.photos[:200])
            print(f"step {step} validation {json.dumps(figures)}", flush=True)
            export(average.module, out / "unet.safetensors", provenance(recipe, training, step, seconds, command))


def provenance(recipe: Recipe, training: PhotoSet, step: int, seconds: float, command: str) -> dict[str, str]:
    """What a reader needs to know of how the weights were made; safetensors headers hold strings only."""
    return {
        "recipe": json.dumps(asdict(recipe)),
        "photos": str(len(training.photos)),
        "photos_sha256": training.names_sha256,
        "steps_done": str(step),
        "seconds": str(math.ceil(seconds)),
        "device": f"CPU, {torch.get_num_threads()} threads",
        "torch": torch.__version__,
        "command": command,
    }
