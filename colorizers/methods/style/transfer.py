"""Colour as style: the picture is optimised until deep features match the photo's content and a reference's style."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor, nn

from colorizers.errors import ColorizerError
from colorizers.methods.method import Job, working_size
from colorizers.methods.palette import palette_transfer
from colorizers.methods.style.canvas import Canvas, Colours, Whole, gray_lab, gray_rgb, resized
from colorizers.methods.style.loss import LOSSES, Balance, Layers, StyleLoss
from colorizers.methods.style.optimize import Descent, OptimizerName
from colorizers.methods.trained import Trained
from colorizers.networks.backbones import ResNet34, SwinB
from colorizers.networks.heads import AB_SCALE
from colorizers.networks.vgg import COMPACT, VGG19
from colorizers.options import Options, control, picture, seed
from colorizers.picture.color import encode_srgb, fit_gamut, rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome, Painting
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo, network_size

_PALETTE_SIDE = 128  # pixels
_COARSEST = 64  # pixels of the short side at which the pyramid begins, about
_SHARES = (3, 2, 2)  # of the steps, at the sizes of the pyramid, the coarsest first
_LOOK_EVERY = 4  # steps between previews
_BILATERAL_SIDE, _BILATERAL_COLOR, _BILATERAL_SPACE = 9, 75 / 255, 75.0

_NETWORKS = {"compact": "Compact, ours", "vgg19": "VGG-19", "resnet34": "ResNet-34", "swin_b": "Swin-B"}
_VGG = Layers(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "relu4_2")
_VGG_ORIGINAL = Layers(("relu1_1", "relu1_2", "relu2_2", "relu3_3", "relu4_2"), "relu3_3")
_RESNET = Layers(("stem", "block1_3", "block2_4", "block3_6", "block4_3"), "block3_2")
_SWIN = Layers(("stem", "block1_2", "block2_2", "block3_6", "block3_18"), "block3_2")


def _layer_weight(k: int) -> Any:
    named = ", ".join(dict.fromkeys(layers.style[k] for layers in (_VGG, _RESNET, _SWIN)))
    ends = {0: ", the finest", 4: ", the coarsest"}.get(k, "")
    return control(
        1.0, label=f"Style layer {k + 1}", low=0, high=2, step=0.1, advanced=True,
        help=f"How much it counts among the five{ends}: {named}, where every layer is alike.",
    )  # fmt: skip


class StyleOptions(Options):
    """Options of the style tab."""

    reference: Photo = picture(help="A picture with the colours, or the manner of painting, that you want.")
    mode: Literal["reconstruction", "artistic"] = control(
        "reconstruction",
        words={"reconstruction": "Colours of the photo", "artistic": "A new painting"},
        help="A new painting has a light of its own (the luminance lock starts at 0), as fine as the working size.",
    )
    style_weight: float = control(
        100.0, low=0, high=10_000, step=10, help="How much the reference counts. Layers count in shares: 100 is much."
    )
    content_weight: float = control(
        2.0, low=0, high=10, step=0.1, help="How much what the photo shows counts; a new painting of a face needs 10."
    )
    tv_weight: float = control(
        2.0, label="Smoothness weight", low=0, high=100, step=1, help="Total variation: how much unrest is smoothed."
    )
    steps: int = control(
        100, low=1, high=300, help="Of the optimisation, most of them on a small copy; Stop keeps the best so far."
    )
    weights: Literal["compact", "vgg19", "resnet34", "swin_b"] = control(
        "compact",
        label="Network",
        words=_NETWORKS,
        help="Whose eyes compare the pictures. The compact one is a VGG-19 with fewer channels, trained for this app.",
    )
    start: Literal["palette", "content", "noise"] = control(
        "palette",
        words={"palette": "The reference's palette", "content": "The photo in gray", "noise": "Noise"},
        advanced=True,
        help="What the optimisation starts from.",
    )
    optimizer: OptimizerName = control(
        "lbfgs",
        label="Optimiser",
        words={"lbfgs": "L-BFGS", "adam": "Adam"},
        advanced=True,
        help="L-BFGS gets further with the same steps and finds their lengths itself.",
    )
    learning_rate: float = control(
        0.3, low=0.01, high=1, step=0.01, advanced=True, help="Of Adam; for L-BFGS the length of its first step."
    )
    decay_every: int = control(
        50, low=1, high=100, advanced=True, help="Steps after which Adam's learning rate falls to 0.8 of itself."
    )
    balance: Literal["even", "original"] = control(
        "even",
        words={"even": "Every layer alike", "original": "As in the original app, style × 10"},
        advanced=True,
        help="How layers are compared: in shares of what the reference has, or as they are and at one size. The "
        "original painted anew from gray by 50 steps of Adam with weights 1000, 1 and 10; its VGG layers are relu1_1, "
        "relu1_2, relu2_2, relu3_3 and relu4_2, content relu3_3.",
    )
    style_layer_1: float = _layer_weight(0)
    style_layer_2: float = _layer_weight(1)
    style_layer_3: float = _layer_weight(2)
    style_layer_4: float = _layer_weight(3)
    style_layer_5: float = _layer_weight(4)
    bilateral: bool = control(
        True, label="Bilateral filter", advanced=True, help="Smooths the result, but not across edges."
    )
    seed: int | None = seed()
    working_size: int = working_size(more="Larger takes longer: four times at twice the size.")


_CANVASES: dict[str, Callable[[Tensor], Canvas]] = {"reconstruction": Colours, "artistic": Whole}


@dataclass(frozen=True)
class Style(Trained):
    """The method of the style tab."""

    name: str = "style"
    title: str = "In a style"
    paper: str = "Neural style transfer, Gatys, Ecker and Bethge 2016, for colours"
    options: type[StyleOptions] = StyleOptions
    networks: Mapping[str, Callable[[], nn.Module]] = field(
        default_factory=lambda: {
            "compact": lambda: VGG19(COMPACT, norm=True), "vgg19": VGG19, "resnet34": ResNet34, "swin_b": SwinB,
        }
    )  # fmt: skip
    stops_early: bool = True
    libraries: tuple[str, ...] = ("kornia",)
    losses: tuple[str, ...] = LOSSES

    def finish_for(self, options: Mapping[str, Any]) -> Finish:
        """As `Method.finish_for`: a painting keeps its own light."""
        return Finish(luminance_lock=0) if options.get("mode") == "artistic" else self.finish

    def run(self, photo: Photo, options: Any, job: Job) -> list[Outcome]:
        """One outcome: chroma at half the working size, a painting at the whole of it; coarser when stopped early."""
        balance = balance_of(options)
        if not any((balance.content, balance.style * sum(balance.layers.values()), balance.smoothness)):
            raise ColorizerError("Every weight is 0, so nothing can be made better; raise the style weight.")
        lightness = photo.network_lightness(options.working_size).to(job.device)
        reference = options.reference.reference_rgb(network_size(options.reference.size, options.working_size))
        job.progress(0, options.steps, None, "Looking at both pictures")
        short_side = min(lightness.shape)
        levels = pyramid(short_side, options.steps) if balance.even else [(1.0, options.steps)]
        with job.models.lease(self.key(options)) as network:
            return [optimised(network, lightness, reference.to(job.device), options, levels, job)]


def balance_of(options: Any) -> Balance:
    """How much each loss and each layer counts."""
    names = layers_of(options).style
    return Balance(
        content=options.content_weight,
        style=options.style_weight,
        smoothness=options.tv_weight,
        layers={name: getattr(options, f"style_layer_{k}") for k, name in enumerate(names, 1)},
        even=options.balance == "even",
    )


def layers_of(options: Any) -> Layers:
    """Where the network that was chosen is looked at."""
    if options.weights in ("compact", "vgg19"):
        return _VGG if options.balance == "even" else _VGG_ORIGINAL
    return _RESNET if options.weights == "resnet34" else _SWIN


def optimised(
    network: nn.Module, lightness: Tensor, reference: Tensor, options: Any, levels: "Levels", job: Job
) -> Outcome:
    """L* (H, W) and a reference in sRGB (3, h, w) to colours or a painting, level by level."""
    descent = Descent(options.optimizer, options.learning_rate, options.decay_every)
    model = lit_like(reference, lightness) if options.mode == "reconstruction" else reference
    lab = None
    for k, (share, steps) in enumerate(levels):
        canvas = _CANVASES[options.mode](_scaled(lightness[None], share)[0])
        fixed = gray_rgb(canvas.lightness), _scaled(model, share)
        loss = StyleLoss(network, layers_of(options), balance_of(options), *fixed)
        watch = _Watch(job, canvas, options, levels, k)
        begun = canvas.planes(beginning(canvas.lightness, reference, options) if lab is None else lab)
        before = sum(count for _, count in levels[:k])
        with torch.backends.cudnn.flags(enabled=True, deterministic=True):
            planes = descent.lowest(begun, partial(_losses, loss, canvas), steps, watch, before)
        lab = rgb_to_lab(canvas.rgb(planes))
        if watch.stopped:
            break
    outcome = canvas.outcome(planes)
    return _filtered(outcome, canvas.lightness) if options.bilateral else outcome


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
class _Watch:
    """Tells the engine how far level `k` is, and whether the user has had enough."""

    job: Job
    canvas: Canvas
    options: Any
    levels: Levels
    k: int
    steps: int = 0
    stopped: bool = False

    def __call__(self, best: Tensor, losses: dict[str, float]) -> bool:
        self.steps += 1
        begun = [*self.levels[: self.k], (self.levels[self.k][0], self.steps)]
        done, total = sum(steps for _, steps in begun), self.options.steps
        look = self.canvas.outcome(best) if done % _LOOK_EVERY == 0 else None
        text = f"Step {done} of {total}, network: {_NETWORKS[self.options.weights]}"
        self.job.progress(done, total, look, text, losses, _work(begun) / _work(self.levels))
        self.stopped = self.job.stop_early()
        return self.stopped


def _work(levels: Levels) -> float:
    """Steps cost as their pixels."""
    return sum(steps * share**2 for share, steps in levels)


def beginning(lightness: Tensor, reference: Tensor, options: Any) -> Tensor:
    """Lab (3, H, W) to start from, for L* (H, W)."""
    if options.start == "noise":
        random = torch.Generator().manual_seed(options.seed)
        noise = torch.randn(3, *lightness.shape, generator=random).to(lightness.device)
        return AB_SCALE * noise + noise.new_tensor((50.0, 0.0, 0.0))[:, None, None]
    if options.start == "content":
        return gray_lab(lightness)
    palette = rgb_to_lab(resized(reference, (_PALETTE_SIDE, _PALETTE_SIDE)))
    return torch.cat((lightness[None], palette_transfer(lightness, palette)))


def lit_like(reference: Tensor, lightness: Tensor) -> Tensor:
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


METHOD = Style()
