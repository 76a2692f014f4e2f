"""The contract between a method of colouring and the engine that runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from colorizers.networks.heads import VIVIDNESS
from colorizers.options import Options, control, validated
from colorizers.picture.compose import Outcome
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.pool import Leases, Loader


class Progress(Protocol):
    """Says how far a run is: `done` of `total` steps, a first look when there is one, and what is being done.

    `losses` are what a method that optimises has come to, by the names in its `losses`; `share` in [0, 1] is how much
    of the work is done where steps are not alike. Raises Cancelled when the user has left or pressed Stop: call it
    often.
    """

    def __call__(
        self,
        done: int,
        total: int,
        preview: Outcome | None,
        text: str,
        losses: Mapping[str, float] | None = None,
        share: float | None = None,
    ) -> None: ...


StartName = Literal["gray", "unet", "diffusion", "transformer", "resnet_unet", "gan", "multicolor", "cnn"]
"""What a method that changes colours can begin with: none, or those of a method that needs the photo alone."""


@dataclass(frozen=True)
class Start:
    """The colours of another method to begin with, and the finish that suits them."""

    outcome: Outcome
    finish: Finish


@dataclass(frozen=True)
class Job:
    """What the engine lends a method for one run.

    `stop_early()` tells a method with a usable partial result that the user wants that result now. `start` is what
    the option `start_from` asks for. The method may add `notes`, sentences for the user, and `maps`, planes (h, w) in
    [0, 1] by name, that show what a network was guided by.
    """

    models: Leases
    device: torch.device
    progress: Progress
    stop_early: Callable[[], bool]
    start: Start | None = None
    notes: list[str] = field(default_factory=list)
    maps: dict[str, Tensor] = field(default_factory=dict)


class Method(Protocol):
    """One way of colouring a photo; stateless, one instance serves every job."""

    @property
    def name(self) -> str:
        """The id: a Python identifier, the same for file, flag, endpoint, recipe, weights and card."""

    @property
    def title(self) -> str:
        """What it is for, as the tab says it."""

    @property
    def paper(self) -> str:
        """Where the idea comes from: authors and year."""

    @property
    def options(self) -> type[Options]: ...

    @property
    def finish(self) -> Finish:
        """The finish that suits its colours by default, until the user chooses another."""

    def finish_for(self, options: Mapping[str, Any]) -> Finish:
        """The finish that suits what these options make; those that are left out have their defaults."""

    @property
    def stops_early(self) -> bool:
        """Whether Stop gives the result so far; otherwise Stop is cancel."""

    @property
    def losses(self) -> tuple[str, ...]:
        """The names of the losses that it tells as they fall; most have none."""

    @property
    def libraries(self) -> tuple[str, ...]:
        """The packages, beside torch, whose versions shape its pixels: for the record."""

    @property
    def heavy(self) -> bool:
        """Whether it takes minutes where there is no GPU."""

    @property
    def shows_maps(self) -> bool:
        """Whether it shows what its network was guided by."""

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """How the pool makes the models this method leases: the first part of a key to its loader."""

    def key(self, options: Any) -> str:
        """The weights that these options choose, by their key: what a checkpoint takes the place of."""

    def needs(self, options: Any) -> tuple[str, ...]:
        """The keys of all the weights without which these options cannot run."""

    def run(self, photo: Photo, options: Any, job: Job) -> Sequence[Outcome | None]:
        """Colour the photo: one outcome, or one a variant; None for a variant that is withheld, as a note then says."""


def finish_of(method: Method, options: Mapping[str, Any], wanted: Finish | Mapping[str, Any]) -> Finish:
    """A finish for what a method makes: a mapping changes what it names of the method's own, a `Finish` is final.

    Raises ColorizerError for what a finish does not have.
    """
    return wanted if isinstance(wanted, Finish) else validated(Finish, {**dict(method.finish_for(options)), **wanted})


def vividness(default: float = VIVIDNESS) -> Any:
    """The option `vividness`: each head says what it means, see `colorizers.networks.heads`."""
    return control(default, low=0, high=1, step=0.05, help="From calm and sure to vivid and daring.")


def working_size(default: int = 160, high: int = 512, more: str = "") -> Any:
    """The option `working_size`, the same for every network; `more` is said of it."""
    said = f"Short side that the network sees; larger is not always better. {more}".rstrip()
    return control(default, low=64, high=high, step=32, unit="px", advanced=True, help=said)


def faded_print() -> Any:
    """The option `faded_print`, the same for every network: see `Photo.network_lightness`."""
    return control(False, help="For a photo that has lost its contrast; the result keeps the photo's own tones.")


def start_from(default: StartName) -> Any:
    """The option `start_from`, annotated `StartName`, which the engine resolves to `Job.start`."""
    titles = {
        "unet": "Quick", "diffusion": "Many ideas", "transformer": "Attentive", "resnet_unet": "Soft", "gan": "Bold",
        "multicolor": "Blended", "cnn": "Whole scene",
    }  # fmt: skip
    words = {"gray": "The photo in gray", **{name: f"Colours of: {title}" for name, title in titles.items()}}
    return control(default, words=words, help="What is changed: the gray photo, or the colours of another method.")
