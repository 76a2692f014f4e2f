"""Options of the style tab, and the layers that its networks are compared at."""

from typing import Any, Literal

from colorizers.methods.shared_options import working_size
from colorizers.methods.style.loss import Layers, LossWeights
from colorizers.methods.style.optimize import OptimizerName
from colorizers.options import Options, control, picture, seed
from colorizers.picture.photo import Photo

NETWORKS = {"compact": "Compact VGG-19, ours", "vgg19": "VGG-19", "resnet34": "ResNet-34", "swin_b": "Swin-B"}
_VGG = Layers(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "relu4_2")
_VGG_ORIGINAL = Layers(("relu1_1", "relu1_2", "relu2_2", "relu3_3", "relu4_2"), "relu3_3")
_RESNET = Layers(("stem", "block1_3", "block2_4", "block3_6", "block4_3"), "block3_2")
_SWIN = Layers(("stem", "block1_2", "block2_2", "block3_6", "block3_18"), "block3_2")


def _layer_weight(k: int) -> Any:
    named = ", ".join(dict.fromkeys(layers.style[k] for layers in (_VGG, _RESNET, _SWIN)))
    ends = {0: ", the finest", 4: ", the coarsest"}.get(k, "")
    return control(
        1.0, label=f"Style layer {k + 1}", low=0, high=2, step=0.1, advanced=True,
        help=f"Weight among the five style layers{ends}: {named}.",
    )  # fmt: skip


class StyleOptions(Options):
    """Options of the style tab."""

    reference: Photo = picture(help="A picture with the colours, or the style of painting, that you want.")
    mode: Literal["reconstruction", "artistic"] = control(
        "reconstruction",
        labels={"reconstruction": "Colours of the photo", "artistic": "A new painting"},
        finish={"artistic": {"luminance_lock": 0}},
        help="A new painting has its own light (the luminance lock starts at 0) and the detail of the working size.",
    )
    style_weight: float = control(
        100.0,
        low=0,
        high=10_000,
        step=10,
        help="Weight of the style loss, relative to the Gram matrices of the reference; 100 is strong.",
    )
    content_weight: float = control(
        2.0, low=0, high=10, step=0.1, help="Weight of the content loss; a new painting of a face needs 10."
    )
    tv_weight: float = control(
        2.0,
        label="Smoothness weight",
        low=0,
        high=100,
        step=1,
        help="Weight of the total-variation loss (smooths noise).",
    )
    steps: int = control(
        100,
        low=1,
        high=300,
        help="Steps of the optimisation, most of them on a small copy; Stop keeps the best result so far.",
    )
    weights: Literal["compact", "vgg19", "resnet34", "swin_b"] = control(
        "compact",
        label="Network",
        labels=NETWORKS,
        help="Feature network of the losses. The compact one is a VGG-19 with fewer channels, trained for this app.",
    )
    start: Literal["palette", "content", "noise"] = control(
        "palette",
        labels={"palette": "The reference's palette", "content": "The photo in gray", "noise": "Noise"},
        advanced=True,
        help="The picture that the optimisation starts from.",
    )
    optimizer: OptimizerName = control(
        "lbfgs",
        label="Optimiser",
        labels={"lbfgs": "L-BFGS", "adam": "Adam"},
        advanced=True,
        help="L-BFGS gets further in the same number of steps and finds their lengths itself.",
    )
    learning_rate: float = control(
        0.3, low=0.01, high=1, step=0.01, advanced=True, help="Of Adam; for L-BFGS the length of its first step."
    )
    decay_every: int = control(
        50, low=1, high=100, advanced=True, help="Steps after which Adam's learning rate falls to 0.8 of itself."
    )
    balance: Literal["even", "original"] = control(
        "even",
        labels={"even": "Relative", "original": "Original"},
        advanced=True,
        help="Relative: losses normalised per layer. Original: as in the 2019 app (50 steps of Adam from gray, weights "
        "1000, 1 and 10, layers relu1_1 to relu4_2).",
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


def layers_of(options: StyleOptions) -> Layers:
    """The layers of the chosen network."""
    if options.weights in ("compact", "vgg19"):
        return _VGG if options.balance == "even" else _VGG_ORIGINAL
    return _RESNET if options.weights == "resnet34" else _SWIN


def loss_weights_of(options: StyleOptions) -> LossWeights:
    """The weight of each loss and of each layer."""
    names = layers_of(options).style
    return LossWeights(
        content=options.content_weight,
        style=options.style_weight,
        smoothness=options.tv_weight,
        layers={name: getattr(options, f"style_layer_{k}") for k, name in enumerate(names, 1)},
        relative=options.balance == "even",
    )
