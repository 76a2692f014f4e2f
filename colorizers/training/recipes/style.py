"""The recipe of the compact feature network of style transfer: classification and distillation."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from colorizers.networks.vgg import COMPACT, VGG19
from colorizers.training import losses
from colorizers.training.distillation import Distillation
from colorizers.training.initialize import EFFICIENTNET, clipped_rgb, feature_network
from colorizers.training.photos import Photographs
from colorizers.training.recipe import Batch, Frozen, Recipe

_CLASSES = 0.05  # weight of the classification beside the distillation
_LAYERS = ("relu3_4", "relu4_4", "relu5_4")  # at 1/4, 1/8 and 1/16 of the size


class LabelledDistillation(Distillation):
    """Distillation and classification of the photo's label; the classifier is trained but not exported."""

    def __init__(self, teacher: Frozen, photos: Photographs) -> None:
        super().__init__(VGG19(COMPACT, norm=True), _extract, (*COMPACT[2:], COMPACT[-1]), teacher)
        self.classify = nn.Linear(COMPACT[-1], max(1, len(photos.labels)))

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        parts, features = self.losses_and_features(self.network, batch)
        logits = self.classify(features[-1].mean((2, 3)))
        return parts | {"classes": _CLASSES * losses.classes(logits, batch.label_ids)}


def _extract(network: nn.Module, batch: Batch) -> list[Tensor]:
    found = network(clipped_rgb(batch.lab), _LAYERS)
    features = [found[name] for name in _LAYERS]
    return [*features, avg_pool2d(features[-1], 2)]


RECIPES = (
    Recipe(
        key="style/compact",
        objective=lambda plan, materials: LabelledDistillation(
            feature_network(materials.teacher, "--teacher", accepted=(EFFICIENTNET,)), materials.photos
        ),
        common={"learning_rate": 2e-3},
        cpu={"steps": 4000, "batch": 32, "size": 96},
        gpu={"steps": 12000, "batch": 512, "size": 128, "warm_up": 500},
        needs="teacher",
    ),
)
