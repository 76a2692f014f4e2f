"""Neural style transfer: a picture optimised to match the photo's content and a reference's style."""

import math
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from colorizers.devices import dtype_for
from colorizers.errors import ColorizerError
from colorizers.methods.method import Job, MethodInfo, Step
from colorizers.methods.palette import palette_transfer
from colorizers.methods.style.canvas import Canvas, ColorCanvas, RgbCanvas
from colorizers.methods.style.loss import LOSSES, StyleLoss
from colorizers.methods.style.optimize import Descent
from colorizers.methods.style.options import StyleOptions, layers_of, loss_weights_of
from colorizers.methods.trained import Trained
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.vgg import COMPACT, VGG19
from colorizers.picture.color import encode_srgb, fit_gamut, gray_lab, gray_rgb, rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome, Painting
from colorizers.picture.photo import Photo, network_size
from colorizers.picture.resize import resized
from colorizers.weights.registry import PUBLISHED
from colorizers.weights.store import WeightReader
from colorizers.words import Text

_PALETTE_SIDE = 128  # pixels
_COARSEST = 64  # pixels of the short side at which the pyramid begins, about
_SHARES = (3, 2, 2)  # of the steps, at the sizes of the pyramid, the coarsest first
_PREVIEW_EVERY = 4  # steps between previews
_BILATERAL_SIDE, _BILATERAL_COLOR, _BILATERAL_SPACE = 9, 75 / 255, 75.0

_CANVASES: dict[str, Callable[[Tensor], Canvas]] = {"reconstruction": ColorCanvas, "artistic": RgbCanvas}


@dataclass(frozen=True)
class Style(Trained):
    """The method of the style tab."""

    def _load(self, key: str, device: torch.device, reader: WeightReader) -> nn.Module:
        """As its file gives it: a descent carries the last bits of what `prepared` changes to visible colours."""
        return reader.load_into(self.networks[key.partition("/")[2]](), key)

    def run(self, photo: Photo, options: StyleOptions, job: Job) -> list[Outcome]:
        """One outcome: chroma at half the working size, a painting at the whole of it; coarser when stopped early."""
        weights = loss_weights_of(options)
        if not any((weights.content, weights.style * sum(weights.layers.values()), weights.smoothness)):
            raise ColorizerError(Text("style.no-weight"))
        lightness = photo.network_lightness(options.working_size).to(job.device)
        reference = options.reference.reference_rgb(network_size(options.reference.size, options.working_size))
        job.report(Step(0, options.steps, Text("progress.analysing-both")))
        short_side = min(lightness.shape)
        levels = pyramid(short_side, options.steps) if weights.relative else [(1.0, options.steps)]
        with job.models.lease(self.key(options)) as network:
            return [transfer(network, lightness, reference.to(job.device), options, levels, job)]


def transfer(
    network: nn.Module, lightness: Tensor, reference: Tensor, options: StyleOptions, levels: "Levels", job: Job
) -> Outcome:
    """L* (H, W) and a reference in sRGB (3, h, w) to colours or a painting, level by level."""
    large = METHOD.key(options) in PUBLISHED
    features = partial(_features, network, dtype_for(job.device) if large else torch.float32)
    descent = Descent(options.optimizer, options.learning_rate, options.decay_every)
    model = match_luminance(reference, lightness) if options.mode == "reconstruction" else reference
    lab = None
    for k, (share, steps) in enumerate(levels):
        canvas = _CANVASES[options.mode](_scaled(lightness[None], share)[0])
        fixed = gray_rgb(canvas.lightness), _scaled(model, share)
        loss = StyleLoss(features, layers_of(options), loss_weights_of(options), *fixed)
        progress = _Progress(job, canvas, options, levels, k)
        initial = canvas.planes(initial_lab(canvas.lightness, reference, options) if lab is None else lab)
        before = sum(count for _, count in levels[:k])
        with torch.backends.cudnn.flags(enabled=True, deterministic=True):
            planes = descent.minimize(initial, partial(_losses, loss, canvas), steps, progress, before)
        lab = rgb_to_lab(canvas.rgb(planes))
        if progress.stopped:
            break
    outcome = canvas.outcome(planes)
    return _filtered(outcome, canvas.lightness) if options.bilateral else outcome


def _features(network: Any, dtype: torch.dtype, pictures: Tensor, requested: Collection[str]) -> dict[str, Tensor]:
    """The features of pictures (1, 3, H, W) in float32, computed in bfloat16 where that is `dtype`.

    float16 would not hold the largest of them.
    """
    with torch.autocast(pictures.device.type, torch.bfloat16, enabled=dtype == torch.bfloat16):
        found = network(pictures, requested)
    return {name: each.float() for name, each in found.items()}


def _losses(loss: StyleLoss, canvas: Canvas, planes: Tensor) -> dict[str, Tensor]:
    return loss(canvas.rgb(planes), planes)


Levels = list[tuple[float, int]]
"""The shares of the full size at which a picture is optimised, the coarsest first, and the steps at each."""


def pyramid(short_side: int, steps: int) -> Levels:
    """From a size of about 64 pixels to the full size in at most three levels."""
    levels = min(len(_SHARES), 1 + int(math.log2(max(1, short_side / _COARSEST))))
    ends = [round(steps * sum(_SHARES[: k + 1]) / sum(_SHARES[:levels])) for k in range(levels)]
    counts = [end - begin for begin, end in zip([0, *ends], ends, strict=False)]
    return [(0.5 ** (levels - 1 - k), count) for k, count in enumerate(counts) if count]


@dataclass
class _Progress:
    """Reports the steps of level `k`, and says whether the user wants to stop."""

    job: Job
    canvas: Canvas
    options: StyleOptions
    levels: Levels
    k: int
    steps: int = 0
    stopped: bool = False

    def __call__(self, best: Tensor, losses: dict[str, float]) -> bool:
        self.steps += 1
        levels_done = [*self.levels[: self.k], (self.levels[self.k][0], self.steps)]
        done, total = sum(steps for _, steps in levels_done), self.options.steps
        preview = self.canvas.outcome(best) if done % _PREVIEW_EVERY == 0 else None
        network = Text(f"options.style_network.choices.{self.options.weights}")
        text = Text("progress.step-with-network", done=done, total=total, network=network)
        self.job.report(Step(done, total, text, preview, losses, _work(levels_done) / _work(self.levels)))
        self.stopped = self.job.stop_early()
        return self.stopped


def _work(levels: Levels) -> float:
    """Steps cost as their pixels."""
    return sum(steps * share**2 for share, steps in levels)


def initial_lab(lightness: Tensor, reference: Tensor, options: StyleOptions) -> Tensor:
    """Lab (3, H, W) to start from, for L* (H, W)."""
    if options.start == "noise":
        random = torch.Generator().manual_seed(options.seed or 0)
        noise = torch.randn(3, *lightness.shape, generator=random).to(lightness.device)
        return AB_SCALE * noise + noise.new_tensor((50.0, 0.0, 0.0))[:, None, None]
    if options.start == "content":
        return gray_lab(lightness)
    palette = rgb_to_lab(resized(reference, (_PALETTE_SIDE, _PALETTE_SIDE)))
    return torch.cat((lightness[None], palette_transfer(lightness, palette)))


def match_luminance(reference: Tensor, lightness: Tensor) -> Tensor:
    """A reference, sRGB (3, h, w), with the mean and the spread of a photo's L* (H, W).

    Else colours would be bent to make up for the light, which stays ("Controlling Perceptual Factors in Neural Style
    Transfer", Gatys et al. 2017, section 5).
    """
    own, ab = rgb_to_lab(reference).split((1, 2))
    spread = lightness.std(correction=0) / own.std(correction=0).clamp(min=1)
    lit = ((own - own.mean()) * spread + lightness.mean()).clamp(0, 100)
    return encode_srgb(fit_gamut(lit[0], ab)[1])


def _scaled(planes: Tensor, share: float) -> Tensor:
    height, width = (max(4, round(share * side)) for side in planes.shape[1:])
    return resized(planes, (height, width))


def _filtered(outcome: Outcome, lightness: Tensor) -> Outcome:
    """Smoothed but not across edges: colours across those of L* (H, W), a painting across its own."""
    from kornia.filters import bilateral_blur, joint_bilateral_blur

    how: Any = (_BILATERAL_SIDE, _BILATERAL_COLOR, (_BILATERAL_SPACE, _BILATERAL_SPACE), "replicate")
    if isinstance(outcome, Painting):
        return Painting(bilateral_blur(outcome.rgb[None], *how)[0])
    guide = resized(lightness[None].cpu() / 100, outcome.ab.shape[1:])
    return Chroma(joint_bilateral_blur(outcome.ab[None], guide[None], *how)[0])


METHOD = Style(
    info=MethodInfo(
        name="style",
        paper="Neural style transfer, Gatys, Ecker and Bethge 2016, for colours",
        options=StyleOptions,
        libraries=("kornia",),
        losses=LOSSES,
        stops_early=True,
    ),
    networks={
        "compact": lambda: VGG19(COMPACT, norm=True), "vgg19": VGG19, "resnet34": ResNet34, "swin_b": SwinB,
    },
)  # fmt: skip
