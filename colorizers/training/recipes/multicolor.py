"""The recipe of the network with one decoder per colour space."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, l1_loss

from colorizers.networks.heads import AB_SCALE
from colorizers.networks.multicolor import MultiColorNetwork
from colorizers.training import losses
from colorizers.training.color_spaces import hue_vector, uv
from colorizers.training.initialize import clipped_rgb
from colorizers.training.recipe import Batch, Objective, Recipe

_MERGED = 2.0  # weight of the merged ab; that of each decoder is 1
_SPREAD = {"lab": AB_SCALE, "hsv": 0.25, "yuv": 0.08}
"""About the standard deviation of each space's planes in photographs."""


class MultiSpace(Objective):
    """L1 of each decoder in its own colour space, and of the merged ab."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        output = self.network.all_spaces(batch.lightness)
        lab = avg_pool2d(batch.lab, 4)
        rgb = clipped_rgb(lab)
        truth = {"lab": lab[:, 1:], "hsv": hue_vector(rgb), "yuv": uv(rgb)}
        parts = {space: l1_loss(output[space], truth[space] / _SPREAD[space]) for space in truth}
        return parts | {"ab": _MERGED * losses.l1(output["ab"], truth["lab"])}


RECIPES = (
    Recipe(
        key="multicolor/lab_hsv_yuv",
        objective=lambda plan, materials: MultiSpace(MultiColorNetwork()),
        common={"encoder_rate": 0.3},
        cpu={"steps": 500, "batch": 32, "size": 96, "learning_rate": 5e-4, "warm_up": 100},
        gpu={"steps": 5000, "batch": 256, "size": 128, "learning_rate": 5e-4, "warm_up": 300},
    ),
)
