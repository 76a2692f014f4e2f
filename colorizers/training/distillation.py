"""Feature distillation from an ImageNet network."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, smooth_l1_loss

from colorizers.networks.efficientnet_lite import STRIDE
from colorizers.networks.precision import in_float32
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import center_square
from colorizers.training.initialize import clipped_rgb
from colorizers.training.recipe import Batch, Frozen, Objective
from colorizers.training.validation import SIZE, Figures

FeatureExtractor = Callable[[nn.Module, Batch], list[Tensor]]
"""A network and a batch to its features (B, c, h, w) at 1/4, 1/8, 1/16 and 1/32 of the size."""


class Distillation(Objective):
    """The network learns features from which a teacher's features can be predicted.

    At every place of every level a 1x1 convolution predicts the teacher's features, whitened by the running statistics
    of a batch norm without parameters (Romero et al., "FitNets", 2015). `channels` are those of `extract`'s features.
    """

    def __init__(self, network: nn.Module, extract: FeatureExtractor, channels: Sequence[int], teacher: Frozen) -> None:
        super().__init__()
        self.network = network
        pairs = zip(channels, teacher.channels, strict=True)
        self.project = nn.ModuleList(nn.Conv2d(ours, theirs, 1) for ours, theirs in pairs)
        self.whiten = nn.ModuleList(nn.BatchNorm2d(theirs, affine=False) for theirs in teacher.channels)
        self._extract, self._teacher = extract, teacher

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        return self.losses_and_features(self.network, batch)[0]

    def losses_and_features(self, network: nn.Module, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        """The loss of each level, and the network's features."""
        with torch.no_grad():
            targets = self._teacher(2 * clipped_rgb(batch.lab) - 1)
        features = self._extract(network, batch)
        losses = {}
        for level, (ours, theirs) in enumerate(zip(features, targets, strict=True)):
            losses[f"level_{level}"] = self._level_loss(self.project[level](ours), theirs, level) / len(features)
        return losses, features

    @in_float32
    def _level_loss(self, predicted: Tensor, target: Tensor, level: int) -> Tensor:
        return smooth_l1_loss(predicted, self.whiten[level](target))

    def sheet(self, network: nn.Module, photos: list[Tensor]) -> None:
        """None: the network makes no colours."""

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """The mean loss of a network on validation photos, uint8 (3, H, W) each."""
        self.eval()
        total = 0.0
        for photo in photos:
            lab = rgb_to_lab(center_square(photo, SIZE))[None].to(next(network.parameters()).device)
            lab = pad(lab, (0, -lab.shape[3] % STRIDE, 0, -lab.shape[2] % STRIDE), mode="replicate")
            batch = Batch(lab[:, :1], lab, torch.empty(0), torch.Generator(), lab.clone)
            total += sum(loss.item() for loss in self.losses_and_features(network, batch)[0].values())
        self.train()
        return Figures(total / len(photos), {"loss": total / len(photos)})
