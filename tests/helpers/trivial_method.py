"""Two methods, as small as the contract allows: they lay one colour over the photo, a little more at every step.

They have a picture among their options, variants, a seed and previews. One can do without the picture, tells losses,
and gives a partial result when it is stopped; the other does none of this.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from colorizers.methods.method import Job, MethodInfo, Step
from colorizers.options import MAX_SEED, Options, control, picture, seed, variants
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.compose import Chroma, Outcome
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.pool import Loader
from colorizers.weights.store import WeightStore
from colorizers.words import ENGLISH, Text, templates

KEY = "trivial/tint"
RADIUS = 30.0  # chroma of the tint


templates(ENGLISH).update(
    {
        "methods.trivial.title": "Trivial",
        "methods.trivial.purpose": "one tint",
        "methods.trivial.about": "Lays one colour over the photo.",
        "losses.likeness": "likeness",
        "losses.evenness": "evenness",
        "methods.transfer.title": "Transfer",
        "methods.transfer.purpose": "from a picture",
        "methods.transfer.about": "Lays the colour of a picture over the photo.",
        "options.trivial_reference.help": "A picture whose average colour is laid on.",
        "options.trivial_steps.label": "Steps",
        "options.trivial_steps.help": "In how many steps the colour is laid on.",
    }
)


class TrivialOptions(Options):
    """One option of each kind that the U-Net does without."""

    reference: Photo | None = picture(help=Text("options.trivial_reference.help"), required=False)
    steps: int = control(4, low=1, high=100, step=1, key="trivial_steps")
    variants: int = variants()
    seed: int | None = seed()


class TransferOptions(TrivialOptions):
    """The same, but there must be a picture."""

    reference: Photo = picture(help=Text("options.trivial_reference.help"))


class Tint(nn.Module):
    """A seed to one colour (2, 1, 1) in Lab units."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("radius", torch.tensor(RADIUS))

    def forward(self, seed: int) -> Tensor:
        angle = 2 * torch.pi * torch.rand((), generator=torch.Generator().manual_seed(seed))
        return self.radius * torch.stack((angle.cos(), angle.sin()))[:, None, None]


class TrivialMethod:
    """`after_step(done)` is called in the worker after every step's progress: a test may wait there."""

    info = MethodInfo(
        name="trivial",
        paper="no paper",
        options=TrivialOptions,
        finish=Finish(warmth=0.1),
        stops_early=True,
        losses=("likeness", "evenness"),
    )
    loaders: Mapping[str, Loader] = {"trivial": lambda key, device, reader: Tint()}
    own_weights = ()

    def __init__(self, after_step: Callable[[int], None] = lambda done: None) -> None:
        self._after_step = after_step

    def key(self, options: TrivialOptions) -> str:
        """As `Method.key`."""
        return KEY

    def needs(self, options: TrivialOptions, store: WeightStore) -> tuple[str, ...]:
        """As `Method.needs`: it needs no file."""
        return ()

    @torch.inference_mode()
    def run(self, photo: Photo, options: TrivialOptions, job: Job) -> list[Outcome]:
        """One tint a variant; when stopped early, the variants begun so far, the last one paler."""
        outcomes: list[Outcome] = []
        total = options.steps * options.variants
        with job.models.lease(self.key(options)) as tint:
            for k in range(options.variants):
                full = tint((options.seed + k) % (MAX_SEED + 1)) if options.reference is None else None
                full = _average_ab(options.reference) if full is None else full
                for step in range(1, options.steps + 1):
                    outcome = Chroma(full * (step / options.steps))
                    done = k * options.steps + step
                    text = Text("progress.step", done=done, total=total)
                    job.report(Step(done, total, text, outcome, self._losses(done)))
                    self._after_step(done)
                    if job.stop_early():
                        return [*outcomes, outcome]
                outcomes.append(outcome)
        return outcomes

    def _losses(self, done: int) -> dict[str, float] | None:
        """One falls to a tenth at every step, the other is nothing."""
        return dict(zip(self.info.losses, (1000 * 0.1**done, 0.0), strict=True)) if self.info.losses else None


class TransferMethod(TrivialMethod):
    """Needs a picture; Stop cancels it."""

    info = replace(
        TrivialMethod.info,
        name="transfer",
        options=TransferOptions,
        stops_early=False,
        losses=(),
    )


def _average_ab(reference: Photo) -> Tensor:
    """The mean ab (2, 1, 1) of a picture; gray has none."""
    if reference.rgb is None:
        return torch.zeros(2, 1, 1)
    rgb = torch.from_numpy(reference.rgb.copy()).movedim(-1, 0) / 255
    return rgb_to_lab(rgb)[1:].mean((1, 2), keepdim=True)
