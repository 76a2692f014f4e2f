"""Recipes of the multi-path CNN: MSE and classification as in the paper, and bins instead of MSE."""

from torch import Tensor, nn

from colorizers.networks.cnn import CNN, DESCRIPTION
from colorizers.networks.heads import Kind
from colorizers.training import losses
from colorizers.training.objectives import count_prior, quarter_ab
from colorizers.training.photos import Photographs
from colorizers.training.recipe import Batch, Objective, Recipe

_MSE_ALPHA, _BINS_ALPHA = 1 / 300, 0.1  # weights of the classification beside each colour loss
_CPU = {"steps": 4500, "batch": 32, "size": 96}
_GPU = {"steps": 6000, "batch": 512, "size": 96, "warm_up": 300}


class LabelledColorization(Objective):
    """Colours, and classification from the global branch; the classifier is trained but not exported."""

    def __init__(self, kind: Kind, photos: Photographs, size: int) -> None:
        super().__init__()
        self.network = CNN(kind)
        self.classify = nn.Linear(DESCRIPTION, max(1, len(photos.labels)))
        self._kind = kind
        if kind == "bins":
            count_prior(self.network.head.bins, photos, size)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        output, description = self.network.colors_and_description(batch.lightness)
        classes = losses.classes(self.classify(description), batch.label_ids)
        if self._kind == "bins":
            bins = losses.bins(output, quarter_ab(batch), self.network.head.bins)
            return {"bins": bins, "classes": _BINS_ALPHA * classes}
        return {"l2": losses.l2(output, quarter_ab(batch)), "classes": _MSE_ALPHA * classes}


RECIPES = (
    Recipe(
        key="cnn/bins",
        objective=lambda plan, materials: LabelledColorization("bins", materials.photos, plan.size),
        common={},
        cpu=_CPU,
        gpu=_GPU,
    ),
    Recipe(
        key="cnn/lab",
        objective=lambda plan, materials: LabelledColorization("ab", materials.photos, plan.size),
        common={},
        cpu=_CPU,
        gpu=_GPU,
    ),
)
