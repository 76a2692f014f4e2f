"""Recipes of the U-Net on a ResNet-18: its features by distillation, then its colours."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, smooth_l1_loss

from colorizers.networks.blocks import network_input
from colorizers.networks.mobilenet import CHANNELS as TAUGHT
from colorizers.networks.resnet_unet import CHANNELS, STRIDE, ResNetFeatures, ResNetUNet
from colorizers.picture.collection import center_square
from colorizers.picture.color import rgb_to_lab
from colorizers.training.objectives import Regression, Weights
from colorizers.training.recipe import Batch, Frozen, Objective, Recipe
from colorizers.training.start import feature_network, true_rgb
from colorizers.training.validation import SIZE, Figures


class Distillation(Objective):
    """A ResNet-18 that sees only light learns to see what an ImageNet network sees in colour.

    At every place of every level a 1x1 convolution predicts the teacher's features, whitened by the statistics that
    a batch norm without parameters gathers (Romero et al., "FitNets", 2015).
    """

    def __init__(self, teacher: Frozen) -> None:
        super().__init__()
        self.network = ResNetFeatures()
        self.project = nn.ModuleList(nn.Conv2d(ours, theirs, 1) for ours, theirs in zip(CHANNELS, TAUGHT, strict=True))
        self.whiten = nn.ModuleList(nn.BatchNorm2d(channels, affine=False) for channels in TAUGHT)
        self._teacher = teacher

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        with torch.no_grad():
            wanted = self._teacher(2 * true_rgb(batch.lab) - 1)
        seen = self.network(network_input(batch.lightness, STRIDE))
        levels = zip(self.project, self.whiten, seen, wanted, strict=True)
        parts = [smooth_l1_loss(project(ours).float(), whiten(theirs)) for project, whiten, ours, theirs in levels]
        return {f"level_{k}": part / len(parts) for k, part in enumerate(parts)}

    def sheet(self, network: nn.Module, photos: list[Tensor]) -> None:
        """It makes no colours."""

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """The mean loss of the averaged network on photographs that it has never seen."""
        self.eval()
        learning, self.network = self.network, network
        total = 0.0
        for photo in photos:
            lab = rgb_to_lab(center_square(photo, SIZE))[None].to(next(network.parameters()).device)
            lab = pad(lab, (0, -lab.shape[3] % STRIDE, 0, -lab.shape[2] % STRIDE), mode="replicate")
            batch = Batch(lab[:, :1], lab, torch.empty(0), torch.Generator(), lab.clone)
            total += sum(part.item() for part in self(batch, 0).values())
        self.network = learning
        self.train()
        return Figures(total / len(photos), {"loss": total / len(photos)})


RECIPES = (
    Recipe(
        key="resnet_unet/lab",
        about="ab by L1 and a perceptual loss, whose network is given with --perceptual; --start takes the features",
        objective=lambda plan, materials: Regression(
            ResNetUNet(),
            Weights(l1=1.0, perceptual=1.0),
            feature_network(materials.perceptual, "--perceptual"),
        ),
        common={"encoder_rate": 0.3},
        cpu={"steps": 3000, "batch": 32, "size": 96},
        gpu={"steps": 6000, "batch": 256, "size": 128, "warm_up": 300},
        needs="perceptual",
    ),
    Recipe(
        key="resnet_unet/features",
        about="an ImageNet network, given with --teacher, distilled into the ResNet-18 that the others start from",
        objective=lambda plan, materials: Distillation(
            feature_network(materials.teacher, "--teacher", accepted=("MobileNetV2",))
        ),
        common={},
        cpu={"steps": 2500, "batch": 32, "size": 96},
        gpu={"steps": 12000, "batch": 512, "size": 128, "learning_rate": 2e-3, "warm_up": 500},
        needs="teacher",
    ),
)
