"""Options of the style tab, and the layers that its networks are compared at."""

from typing import Any, Literal

from colorizers.methods.shared_options import working_size
from colorizers.methods.style.loss import Layers, LossWeights
from colorizers.methods.style.optimize import OptimizerName
from colorizers.options import Options, control, picture, seed
from colorizers.picture.photo import Photo
from colorizers.words import Text

_VGG = Layers(("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"), "relu4_2")
_VGG_ORIGINAL = Layers(("relu1_1", "relu1_2", "relu2_2", "relu3_3", "relu4_2"), "relu3_3")
_RESNET = Layers(("stem", "block1_3", "block2_4", "block3_6", "block4_3"), "block3_2")
_SWIN = Layers(("stem", "block1_2", "block2_2", "block3_6", "block3_18"), "block3_2")


def _layer_weight() -> Any:
    return control(1.0, low=0, high=2, step=0.1, advanced=True)


class StyleOptions(Options):
    """Options of the style tab."""

    reference: Photo = picture(help=Text("options.reference.style"))
    mode: Literal["reconstruction", "artistic"] = control("reconstruction", finish={"artistic": {"luminance_lock": 0}})
    style_weight: float = control(100.0, low=0, high=10_000, step=10)
    content_weight: float = control(2.0, low=0, high=10, step=0.1)
    tv_weight: float = control(2.0, low=0, high=100, step=1)
    steps: int = control(100, low=1, high=300, help=Text("options.steps.style"))
    weights: Literal["compact", "vgg19", "resnet34", "swin_b"] = control("compact", key="style_network")
    start: Literal["palette", "content", "noise"] = control("palette", advanced=True)
    optimizer: OptimizerName = control("lbfgs", advanced=True)
    learning_rate: float = control(0.3, low=0.01, high=1, step=0.01, advanced=True)
    decay_every: int = control(50, low=1, high=100, advanced=True)
    balance: Literal["even", "original"] = control("even", advanced=True)
    style_layer_1: float = _layer_weight()
    style_layer_2: float = _layer_weight()
    style_layer_3: float = _layer_weight()
    style_layer_4: float = _layer_weight()
    style_layer_5: float = _layer_weight()
    bilateral: bool = control(True, advanced=True)
    seed: int | None = seed()
    working_size: int = working_size(more=Text("options.working_size.style"))


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
