"""LPIPS, FID and KID, on networks from local files; nothing is downloaded."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from colorizers.errors import ColorizerError
from colorizers.networks.efficientnet_lite import EfficientNetLitePooled
from colorizers.weights.loading import check_fit, read_state
from colorizers.weights.store import sha256
from colorizers.words import Text

LPIPS_SMALLEST = 32  # pixels; the deepest features of smaller pictures are empty
FID_PHOTOS = 2048  # with fewer, the covariance of the 2048 features is singular
_KID_SIDE = 224  # pixels
_BACKBONES = {"alexnet": "alex", "vgg16": "vgg", "squeezenet1_1": "squeeze"}


@dataclass(frozen=True, eq=False)
class GivenNetwork:
    """A network in eval mode from the user's file; `flavour` is its name in a report."""

    flavour: str
    sha256: str
    network: nn.Module


@dataclass(frozen=True, eq=False)
class Networks:
    """The networks of LPIPS, FID and KID; a metric without its network is left out."""

    lpips: GivenNetwork | None = None
    fid: GivenNetwork | None = None
    kid: GivenNetwork | None = None

    def hashes(self) -> dict[str, str]:
        """The sha256 of the files by flavour."""
        return {each.flavour: each.sha256 for each in (self.lpips, self.fid, self.kid) if each is not None}

    def distances(self) -> dict[str, "Distance"]:
        """The available distances between sets of pictures, by the key of their column."""
        distances = {}
        if self.fid is not None:
            distances["fid"] = Distance(self.fid, inception_features, fid)
        if self.kid is not None:
            distances["kid"] = Distance(self.kid, pooled_features, kid)
        return distances


@dataclass(frozen=True, eq=False)
class Distance:
    """A distance between sets of pictures: a network, its features, and the distance between sets of these."""

    given: GivenNetwork
    extract: Callable[[GivenNetwork, Tensor], Tensor]
    between: Callable[[Sequence[Tensor], Tensor], list[float]]

    def features(self, rgb: Tensor) -> Tensor:
        """Features (B, F) of RGB (B, 3, H, W) in [0, 1]."""
        return self.extract(self.given, rgb)


def lpips_network(path: Path, device: torch.device) -> GivenNetwork:
    """LPIPS v0.1 (Zhang et al. 2018) on torchvision's AlexNet, VGG-16 or SqueezeNet 1.1, whichever fits the file.

    The linear heads come with torchmetrics. Raises ColorizerError for any other file.
    """
    # The public classes always download the backbone.
    from torchmetrics.functional.image.lpips import _NoTrainLpips

    name, state = _state_of(path, {backbone: {} for backbone in _BACKBONES})
    network = _NoTrainLpips(net=_BACKBONES[name], pnet_rand=True)
    own = {key: re.sub(r"^slice(s\.\d+|\d+)\.", "features.", key) for key in network.net.state_dict()}
    network.net.load_state_dict({key: state[theirs] for key, theirs in own.items()})
    return GivenNetwork(f"LPIPS {_BACKBONES[name]}", sha256(path), network.to(device).eval())


def inception(path: Path, device: torch.device) -> GivenNetwork:
    """torchvision's Inception-v3 without its classifier, for the FID of DDColor's script.

    Pictures are resized to 299 pixels bilinearly, without antialiasing, and scaled by torchvision's
    `transform_input`. The figures are not comparable with those of the TensorFlow weights. Raises ColorizerError
    for any other file.
    """
    from torchvision.models import inception_v3

    options = {"init_weights": False, "transform_input": True}
    _, state = _state_of(path, {"inception_v3": options})
    network = inception_v3(weights=None, **options)
    network.load_state_dict(network.state_dict() | state)  # older files lack the counters of batches
    network.fc = nn.Identity()
    flavour = "FID torchvision Inception-v3, 299 px bilinear"
    return GivenNetwork(flavour, sha256(path), network.to(device).eval())


def efficientnet(path: Path, device: torch.device) -> GivenNetwork:
    """EfficientNet-Lite2 without its classifier, for KID.

    Pictures are resized to 224 pixels. Raises ColorizerError for any other file.
    """
    if not path.is_file():
        raise ColorizerError(Text("evaluation.no-efficientnet", path=path))
    state = {name: tensor for name, tensor in read_state(path).items() if not name.startswith("_fc.")}
    network = EfficientNetLitePooled()
    check_fit(network, state, path)
    network.load_state_dict(state)
    return GivenNetwork("KID EfficientNet-Lite2, 224 px", sha256(path), network.to(device).eval())


@torch.inference_mode()
def pooled_features(given: GivenNetwork, rgb: Tensor) -> Tensor:
    """Features (B, 1280) of RGB (B, 3, H, W) in [0, 1]."""
    side = (_KID_SIDE, _KID_SIDE)
    resized = interpolate(rgb.to(_device(given)), side, mode="bilinear", antialias=True)
    features: Tensor = given.network(2 * resized - 1)
    return features.cpu()


def kid(rows: Sequence[Tensor], truth: Tensor) -> list[float]:
    """The kernel distance (Binkowski et al. 2018) of the features (N, F) of each row to those of the true photos.

    The squared maximum mean discrepancy under the cubic kernel, times 1000: the unbiased estimate for pairs (Gretton
    et al. 2012, lemma 6), since each row shows the same photos. Without the terms of a photo with itself, the truth is
    at zero, and the distance is that of the colours and not of the content.
    """
    from torchmetrics.image.kid import poly_kernel

    def mean_of_pairs(kernel: Tensor) -> float:
        """The mean without the diagonal."""
        return float((kernel.sum() - kernel.diagonal().sum()) / (len(kernel) * (len(kernel) - 1)))

    truth = truth.double()
    among_truth = mean_of_pairs(poly_kernel(truth, truth))
    distances = []
    for features in map(Tensor.double, rows):
        among_row = mean_of_pairs(poly_kernel(features, features))
        between = mean_of_pairs(poly_kernel(truth, features))
        distances.append(1000 * (among_row + among_truth - 2 * between))
    return distances


@torch.inference_mode()
def lpips(given: GivenNetwork, rgb: Tensor, truth: Tensor) -> Tensor:
    """LPIPS (B,) of RGB (B, 3, H, W) in [0, 1] to one truth (1, 3, H, W); sides are at least LPIPS_SMALLEST."""
    device = _device(given)
    distances: Tensor = given.network(rgb.to(device), truth.to(device), normalize=True)
    return distances.flatten().cpu()


@torch.inference_mode()
def inception_features(given: GivenNetwork, rgb: Tensor) -> Tensor:
    """Features (B, 2048) of RGB (B, 3, H, W) in [0, 1]."""
    resized = interpolate(rgb.to(_device(given)), (299, 299), mode="bilinear")
    features: Tensor = given.network(resized)
    return features.cpu()


def check_fid(photos: int, force: bool) -> None:
    """Raise ColorizerError if there are too few photos for an FID."""
    needed = 2 if force else FID_PHOTOS
    if photos < needed:
        if force:
            raise ColorizerError(Text("evaluation.fid-photos-forced", needed=needed, photos=photos))
        raise ColorizerError(Text("evaluation.fid-photos", needed=needed, photos=photos))


def fid(rows: Sequence[Tensor], truth: Tensor) -> list[float]:
    """The Frechet distance (Heusel et al. 2017) of the features (N, F) of each row to those of the true photos."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    # It gets features instead of pictures, so that the network runs once per picture.
    metric = FrechetInceptionDistance(nn.Identity(), reset_real_features=False, input_img_size=(truth.shape[1],))
    metric.update(truth, real=True)
    distances = []
    for features in rows:
        metric.update(features, real=False)
        distances.append(float(metric.compute()))
        metric.reset()
    return distances


def _state_of(path: Path, candidates: Mapping[str, Mapping[str, Any]]) -> tuple[str, dict[str, Tensor]]:
    """The name of the torchvision network that a file fits exactly, and the file's tensors."""
    from torchvision.models import get_model

    if not path.is_file():
        raise ColorizerError(Text("evaluation.no-torchvision-file", path=path, networks=tuple(candidates)))
    state = read_state(path)
    for name, options in candidates.items():
        with torch.device("meta"):
            expected = get_model(name, weights=None, **options).state_dict()
        if _shapes(expected) == _shapes(state):
            return name, state
    raise ColorizerError(Text("evaluation.not-torchvision", file=path.name, networks=tuple(candidates)))


def _shapes(state: Mapping[str, Tensor]) -> dict[str, torch.Size]:
    """Names and shapes without batch counters, which older files lack."""
    return {name: tensor.shape for name, tensor in state.items() if not name.endswith("num_batches_tracked")}


def _device(given: GivenNetwork) -> torch.device:
    return next(given.network.parameters()).device
