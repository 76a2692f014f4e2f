"""Learning to see what an ImageNet network sees."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, smooth_l1_loss

from colorizers.networks.efficientnet_lite import STRIDE
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.dataset import center_square
from colorizers.training.initialize import true_rgb
from colorizers.training.recipe import Batch, Frozen, Objective
from colorizers.training.validation import SIZE, Figures

Look = Callable[[nn.Module, Batch], list[Tensor]]
"""A network and a batch to the features (B, c, h, w) that it sees at 1/4, 1/8, 1/16 and 1/32 of the size."""


class Distillation(Objective):
    """A network learns features from which a teacher's can be told.

    At every place of every level a 1x1 convolution predicts the teacher's features, whitened by the statistics that
    a batch norm without parameters gathers (Romero et al., "FitNets", 2015). `channels` are those that `look` gives.
    """

    def __init__(self, network: nn.Module, look: Look, channels: Sequence[int], teacher: Frozen) -> None:
        super().__init__()
        self.network = network
        taught = teacher.channels
        self.project = nn.ModuleList(nn.Conv2d(ours, theirs, 1) for ours, theirs in zip(channels, taught, strict=True))
        self.whiten = nn.ModuleList(nn.BatchNorm2d(theirs, affine=False) for theirs in taught)
        self._look, self._teacher = look, teacher

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        return self.told(self.network, batch)[0]

    def told(self, network: nn.Module, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor]]:
        """The loss at each level, and what the network sees."""
        with torch.no_grad():
            wanted = self._teacher(2 * true_rgb(batch.lab) - 1)
        seen = self._look(network, batch)
        levels = zip(self.project, self.whiten, seen, wanted, strict=True)
        parts = [smooth_l1_loss(project(ours).float(), whiten(theirs)) for project, whiten, ours, theirs in levels]
        return {f"level_{k}": part / len(parts) for k, part in enumerate(parts)}, seen

    def sheet(self, network: nn.Module, photos: list[Tensor]) -> None:
        """It makes no colours."""

    @torch.inference_mode()
    def figures(self, network: nn.Module, photos: list[Tensor]) -> Figures:
        """The mean loss of the averaged network on photographs that it has never seen."""
        self.eval()
        total = 0.0
        for photo in photos:
            lab = rgb_to_lab(center_square(photo, SIZE))[None].to(next(network.parameters()).device)
            lab = pad(lab, (0, -lab.shape[3] % STRIDE, 0, -lab.shape[2] % STRIDE), mode="replicate")
            batch = Batch(lab[:, :1], lab, torch.empty(0), torch.Generator(), lab.clone)
            total += sum(part.item() for part in self.told(network, batch)[0].values())
        self.train()
        return Figures(total / len(photos), {"loss": total / len(photos)})
