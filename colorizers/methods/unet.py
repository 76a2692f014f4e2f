"""The plain U-Net: the quick first look at a photo in colour."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from colorizers.methods.method import Job, faded_print, working_size
from colorizers.networks.ab_bins import VIVIDNESS, read_bins
from colorizers.networks.unet import UNet
from colorizers.options import Options, control
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.photo import Photo
from colorizers.weights import load_into

KEY = "unet/lab"


class UNetOptions(Options):
    """Options of the U-Net tab."""

    vividness: float = control(VIVIDNESS, low=0, high=1, step=0.05, help="From calm and sure to vivid and daring.")
    faded_print: bool = faded_print()
    working_size: int = working_size()


class UNetMethod:
    """L in, a distribution over ab bins out, read as calmly or as vividly as asked."""

    name = "unet"
    title = "Quick colours"
    paper = "U-Net, Ronneberger et al. 2015, with colour bins, Zhang et al. 2016"
    options = UNetOptions
    stops_early = False
    loaders: Mapping[str, Callable[[str], nn.Module]] = {"unet": lambda key: load_into(UNet(), key)}

    @torch.inference_mode()
    def run(self, photo: Photo, options: UNetOptions, job: Job) -> list[Outcome]:
        """One outcome: chroma at a quarter of the working size."""
        job.progress(0, 1, None, "Looking at the photo")
        with job.models.lease(KEY) as network:
            lightness = photo.network_lightness(options.working_size, options.faded_print).to(job.device)
            assert isinstance(network, UNet)
            ab = _coloured(network, lightness, options.vividness)
        job.progress(1, 1, None, "Laying on the colours")
        return [Chroma(ab.cpu())]


def _coloured(network: UNet, lightness: Tensor, vividness: float) -> Tensor:
    """L* (h, w) to ab (2, h/4, w/4), averaged over the photo and its mirror image; sides are multiples of 4."""
    batch = torch.stack((lightness, lightness.flip(-1)))[:, None]
    ab = read_bins(network.bins, network(batch), vividness)
    return (ab[0] + ab[1].flip(-1)) / 2
