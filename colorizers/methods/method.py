"""The contract between a method of colouring and the engine that runs it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

from colorizers.options import Options, controls, validated
from colorizers.picture.compose import Outcome
from colorizers.picture.finish import Finish, spelled_out
from colorizers.picture.hints import Hints
from colorizers.picture.photo import Photo
from colorizers.pool import Leases, Loader
from colorizers.weights.store import WeightStore
from colorizers.words import Text


@dataclass(frozen=True)
class MethodInfo:
    """The facts about a method that surfaces show and the engine needs.

    `name` is a Python identifier, the same for file, flag, endpoint, recipe, weights and card,
    and its title and purpose in the catalogue. `paper` is where the idea comes from: authors and year.
    `finish` suits its colours until the user chooses another. `libraries` are the packages, beside torch, whose
    versions shape its pixels. `losses` are the names of the losses that it reports. With `stops_early`, Stop gives the
    result so far; otherwise Stop cancels. `quick` means less than a second on any machine, `slow_on_cpu` minutes where
    there is no GPU, `shows_maps` that it shows the maps that guided its network. `checker` is the key of the network
    that judges its pictures before strangers see them, where it has one; those of the weights in `unchecked` need none.
    The networks of the weights in `listening` take the user's hints.
    """

    name: str
    paper: str
    options: type[Options]
    finish: Finish = field(default_factory=Finish)
    libraries: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    stops_early: bool = False
    quick: bool = False
    slow_on_cpu: bool = False
    shows_maps: bool = False
    checker: str = ""
    unchecked: tuple[str, ...] = ()
    listening: tuple[str, ...] = ()

    @property
    def title(self) -> Text:
        """The field's term for it."""
        return Text(f"methods.{self.name}.title")

    @property
    def needed_pictures(self) -> tuple[str, ...]:
        """The pictures among its options without which it cannot run."""
        return tuple(entry.name for entry in controls(self.options) if entry.kind == "picture" and entry.required)

    @property
    def automatic(self) -> bool:
        """Whether it can colour every photo by itself: it is quick, and needs nothing but the photo."""
        return self.quick and not self.needed_pictures

    @property
    def purpose(self) -> Text:
        """Its use, in a few words."""
        return Text(f"methods.{self.name}.purpose")


@dataclass(frozen=True)
class Step:
    """Progress of a running job: `done` of `total` steps.

    `preview` is a first look at the result, `losses` are the present values by the names in `MethodInfo.losses`, and
    `share` in [0, 1] is the part of the work that is done, where steps differ in cost.
    """

    done: int
    total: int
    text: Text
    preview: Outcome | None = None
    losses: Mapping[str, float] | None = None
    share: float | None = None

    @property
    def fraction(self) -> float:
        """The part of the work that is done, in [0, 1]."""
        return self.done / self.total if self.share is None else self.share


@dataclass(frozen=True)
class Start:
    """The colours of another method to begin with, and the finish that suits them."""

    outcome: Outcome
    finish: Finish


@dataclass(frozen=True)
class Job:
    """Everything that the engine lends a method for one run.

    `report(step)` shows progress; call it often: it raises Cancelled when the user has left or pressed Stop.
    `stop_early()` is true when the user wants the partial result of a method that has one. `starts` are the colours
    that the options `start_from` and `blend_with` ask for, where the method has these and they are not gray.
    `hints` are the user's, which `compose` honours whether or not the method listens to them. With `check_pictures` no
    picture may leave unchecked. The method may add `notes`, sentences for the user, and `maps`, planes (h, w) in
    [0, 1] by name, that guided a network.
    """

    models: Leases
    device: torch.device
    report: Callable[[Step], None]
    stop_early: Callable[[], bool]
    starts: tuple[Start, ...] = ()
    hints: Hints = ()
    check_pictures: bool = False
    notes: list[Text] = field(default_factory=list)
    maps: dict[Text, Tensor] = field(default_factory=dict)


O = TypeVar("O", bound=Options, contravariant=True)  # noqa: E741 - the options of one method


class Method(Protocol[O]):
    """One way of colouring a photo; stateless, one instance serves every job."""

    @property
    def info(self) -> MethodInfo: ...

    @property
    def loaders(self) -> Mapping[str, Loader]:
        """The functions by which the pool loads this method's models, by the first part of their keys."""

    @property
    def own_weights(self) -> tuple[str, ...]:
        """The keys of all its weights that are trained in this project."""

    def key(self, options: O) -> str:
        """The key of the weights that these options choose: those that a checkpoint of the user's own replaces."""

    def needs(self, options: O, store: WeightStore) -> tuple[str, ...]:
        """The keys of all the weights without which these options cannot run, where a store has these weights."""

    def run(self, photo: Photo, options: O, job: Job) -> Sequence[Outcome | None]:
        """Colour the photo: one outcome, or one a variant; None for a variant that is withheld, as a note explains."""


AnyMethod = Method[Any]


def listens(info: MethodInfo, options: Mapping[str, Any]) -> bool:
    """Whether the network that these options choose takes the user's hints."""
    return f"{info.name}/{options.get('weights')}" in info.listening


def finish_of(info: MethodInfo, options: Mapping[str, Any], wanted: Finish | Mapping[str, Any]) -> Finish:
    """The finish of a result: a `Finish` is final, a mapping changes what it names of the one that suits the options.

    The mapping may also name a `look`, whose values it changes then. Raises ColorizerError for what a finish does not
    have.
    """
    if isinstance(wanted, Finish):
        return wanted
    suited = dict(info.finish)
    for entry in controls(info.options):
        suited |= entry.finish.get(str(options.get(entry.name, entry.default)), {})
    return validated(Finish, {**suited, **spelled_out(wanted)})
