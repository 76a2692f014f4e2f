"""Depth maps of a photo for a ControlNet."""

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from colorizers.methods.stable_diffusion.pretrained import network_from, preparation_from, quiet
from colorizers.picture.resize import resized
from colorizers.weights.store import WeightReader

_FARTHEST, _NEAREST = 0.02, 0.98  # the shares of a picture that become black and white
_CONSTANT = 1e-5  # a spread that is rounding alone, as a share of the depths
_UNUSED = ("neck.fusion_stage.layers.0.residual_layer1.",)  # nothing reaches it, and published files do without


class Depth(nn.Module):
    """An estimator of depth from one picture."""

    def __init__(self, estimator: nn.Module) -> None:
        """`estimator` takes sRGB (H, W, 3) uint8 and gives inverse depth (h, w) in any unit."""
        super().__init__()
        self.estimator = estimator

    @torch.no_grad()
    def forward(self, rgb: Tensor) -> Tensor:
        """sRGB (3, H, W) in [0, 1] to depth (H, W) in [0, 1] on the same device, near things bright; 0.5 if all even.

        H and W are multiples of 64. Black and white are the 2nd and the 98th percentile.
        """
        pixels = (255 * rgb).round().to(torch.uint8).movedim(0, -1).cpu().numpy()
        inverse = self.estimator(pixels).to(rgb.device)
        return _between_percentiles(resized(inverse[None], rgb.shape[1:])[0])


def _between_percentiles(inverse: Tensor) -> Tensor:
    low, high = inverse.quantile(_FARTHEST), inverse.quantile(_NEAREST)
    if high - low <= _CONSTANT * high.abs():
        return torch.full_like(inverse, 0.5)
    return ((inverse - low) / (high - low)).clamp(0, 1)


class _Midas(nn.Module):
    """controlnet-aux's MidasDetector around its own network."""

    def __init__(self, network: Any, detector: Any) -> None:
        super().__init__()
        self.network = network
        self._detector = detector

    def forward(self, pixels: np.ndarray) -> Tensor:
        side = min(pixels.shape[:2])  # what it scales the short side to: as it is
        with np.errstate(invalid="ignore"):  # it divides an even map by 0
            depth = self._detector(pixels, detect_resolution=side, image_resolution=side)
        self.network.pretrained.activations.clear()  # kept for the whole process otherwise
        return torch.from_numpy(depth[..., 0]) / 255


class _Published(nn.Module):
    """A network and what prepares pictures for it, as transformers has them."""

    def __init__(self, network: Any, prepare: Any) -> None:
        super().__init__()
        self.network = network
        self._prepare = prepare

    def forward(self, pixels: np.ndarray) -> Tensor:
        inputs = self._prepare(images=pixels, return_tensors="pt").to(self.network.device)
        depth: Tensor = self.network(**inputs).predicted_depth[0]
        return depth


def load_depth(key: str, device: torch.device, reader: WeightReader) -> nn.Module:
    """The estimator that a key of the family `depth` names: a `Depth` on a device.

    Raises ColorizerError when its weights are not here, are damaged or do not fit.
    """
    network = _midas(key, reader) if key == "depth/midas" else _published(reader.path(key))
    return Depth(network).to(device)


def _midas(key: str, reader: WeightReader) -> nn.Module:
    with quiet(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        from controlnet_aux import MidasDetector
        from controlnet_aux.midas.midas.dpt_depth import DPTDepthModel

        network = DPTDepthModel(path=None, backbone="vitb_rn50_384", non_negative=True)
    reader.load_into(network, key)  # not by its from_pretrained, which knows neither hashes nor safetensors
    return _Midas(network, MidasDetector(network))


def _published(folder: Path) -> nn.Module:
    from transformers import AutoImageProcessor, AutoModelForDepthEstimation

    network = network_from(AutoModelForDepthEstimation, folder, torch.float32, _UNUSED)
    return _Published(network, preparation_from(AutoImageProcessor, folder))
