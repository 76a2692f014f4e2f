"""Photographs, a model card and a method with a reference, for tests of the evaluation."""

from dataclasses import replace

import torch
from trivial_method import TrivialMethod

from colorizers.methods.method import Job
from colorizers.options import Options, control, picture
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.settings import PROJECT
from colorizers.words import ENGLISH, Text, templates

PHOTOS = PROJECT / "test_images"
FIXED = ["truth", "gray", "mean_ab", "l_to_ab", "wrong_image_ab", "gt_half_chroma", "oracle_ab_1/4"]
CARD = "# Card\n<!-- figures -->\nold\n<!-- end figures -->\n<!-- other -->\nkept\n<!-- end other -->\n"


templates(ENGLISH).update(
    {
        "options.borrowed.help": "The picture whose colours are borrowed.",
        "options.share.label": "Share",
        "options.share.help": "How much of them.",
    }
)


class BorrowingOptions(Options):
    """A method's options, a picture that must be given among them."""

    reference: Photo = picture(help=Text("options.borrowed.help"))
    share: float = control(1.0, low=0, high=1)


class BorrowingMethod(TrivialMethod):
    """Two halves with the mean and the spread of the reference's colours: mean - spread, mean + spread."""

    info = replace(TrivialMethod.info, name="borrowing", options=BorrowingOptions, finish=Finish())

    def run(self, photo: Photo, options: BorrowingOptions, job: Job) -> list[Outcome]:
        ab = rgb_to_lab(torch.from_numpy(options.reference.rgb).movedim(-1, 0) / 255)[1:]
        mean, spread = (each[:, None, None] for each in (ab.mean((1, 2)), ab.std((1, 2), correction=0)))
        width, height = photo.size
        side = torch.where(torch.arange(width) < width // 2, -1.0, 1.0).expand(2, height, width)
        return [Chroma(options.share * (mean + spread * side))]
