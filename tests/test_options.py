from typing import Literal, get_args

import pytest
import torch
from pydantic import Field
from trivial_method import TrivialOptions

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS
from colorizers.options import MAX_SEED, RESERVED, Kind, Options, control, controls, picture, seed, text, validated
from colorizers.options import variants as variants_option
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.words import ENGLISH, Text, templates

templates(ENGLISH).update(
    {
        "options.everything.label": "Everything",
        "options.everything.help": "One of its kind.",
        "options.everything.choices.small": "Small",
        "options.everything.choices.large": "As large as it gets",
        "options.amount.label": "Amount",
        "options.amount.help": "How much there is.",
    }
)


class Everything(Options):
    """One option of every kind."""

    faded: bool = control(False, key="everything")
    count: int = control(3, low=1, high=9, key="variants")
    amount: float = control(0.5, low=0, high=1, step=0.1, unit="px", advanced=True)
    size: Literal["small", "large"] = control("small", key="everything")
    prompt: str = text("", max_length=20)
    variants: int = variants_option()
    seed: int | None = seed()
    depth: Photo | None = picture(required=False)


class Suiting(Options):
    """A choice that brings values of another option."""

    size: Literal["small", "large"] = control("small", key="everything", options={"large": {"amount": 0.9}})
    amount: float = control(0.5, low=0, high=1, step=0.1)


class Needs(Options):
    """An option that has to be given."""

    reference: Photo = picture(help=Text("options.depth.help"))


def refusal(values: dict, options: type[Options] = Everything) -> str:
    with pytest.raises(ColorizerError) as caught:
        validated(options, values)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert "\n" not in sentence
    assert "pydantic" not in sentence
    return sentence


def test_every_kind_gives_its_control():
    kinds = {entry.name: entry.kind for entry in controls(Everything)}
    assert kinds == {
        "faded": "bool", "count": "int", "amount": "float", "size": "choice", "prompt": "text", "variants": "int",
        "seed": "seed", "depth": "picture",
    }  # fmt: skip
    assert set(kinds.values()) == set(get_args(Kind))


def test_a_control_says_all_that_a_surface_needs():
    amount = {entry.name: entry for entry in controls(Everything)}["amount"]
    assert (amount.label, amount.low, amount.high, amount.step, amount.unit) == ("Amount", 0, 1, 0.1, "px")
    assert amount.advanced
    assert not amount.required
    size = {entry.name: entry for entry in controls(Everything)}["size"]
    assert size.choices == ("small", "large")
    assert size.labels == ("Small", "As large as it gets")
    assert size.help_with_choices == "One of its kind. small: Small; large: As large as it gets."
    assert size.label == "Everything"


def test_an_instance_gives_its_values_for_defaults(gray_photo: Photo):
    entries = {entry.name: entry for entry in controls(Everything(count=7, size="large"))}
    assert {name: entry.default for name, entry in entries.items()} == dict(Everything(count=7, size="large"))
    (reference,) = controls(Needs(reference=gray_photo))
    assert reference.default is gray_photo
    assert not reference.required


@pytest.mark.parametrize("options", [Finish, TrivialOptions, *(method.info.options for method in METHODS.values())])
def test_every_control_of_every_method_is_complete(options: type[Options]):
    for entry in controls(options):
        assert entry.name.isidentifier()
        assert entry.help.endswith(".")
        assert entry.label
        assert entry.kind in get_args(Kind)
        if entry.kind in ("int", "float"):
            assert entry.low < entry.high
            assert entry.low <= entry.default <= entry.high
            assert entry.step is not None
            assert entry.step > 0
        if entry.kind == "choice":
            assert len(entry.choices) > 1
            assert entry.default in entry.choices
            assert len(set(entry.labels)) == len(entry.choices)


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_no_option_of_a_method_is_a_finish_or_a_path(method):
    names = {entry.name for entry in controls(method.info.options)}
    assert not names & set(Finish.model_fields)
    assert not any(word in name for name in names for word in ("path", "file", "url", "checkpoint", "model_id"))


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_id_of_a_method_is_an_identifier_and_its_defaults_are_valid(method):
    assert method.info.name.isidentifier()
    given = {entry.name: Photo(torch.zeros(1, 1)) for entry in controls(method.info.options) if entry.required}
    assert set(dict(validated(method.info.options, given))) == set(method.info.options.model_fields)


@pytest.mark.parametrize(
    "field",
    [
        (list[int], control([], key="amount")),
        (int | str, control(1, low=0, high=2, key="amount")),
        (bytes, control(b"", key="amount")),
        (int, control(1, key="amount")),
        (float, control(1.0, low=0, key="amount")),
        (str, control("", key="amount")),
        (int, Field(1, ge=0, le=2)),
    ],
    ids=["list", "union", "bytes", "no bounds", "no upper bound", "no length", "not made by control()"],
)
def test_the_kinds_are_a_closed_set(field: tuple):
    annotation, default = field
    with pytest.raises(TypeError, match="option odd"):
        type("Odd", (Options,), {"__annotations__": {"odd": annotation}, "odd": default})


@pytest.mark.parametrize("name", RESERVED)
def test_reserved_names_keep_their_kind(name: str):
    namespace = {"__annotations__": {name: bool}, name: control(False, key="everything")}
    with pytest.raises(TypeError, match="reserved"):
        type("Odd", (Options,), namespace)


@pytest.mark.parametrize(
    "values",
    [
        {"amount": float("nan")},
        {"amount": float("inf")},
        {"amount": 1.01},
        {"amount": -0.01},
        {"amount": "much"},
        {"amount": None},
        {"count": 0},
        {"count": 10},
        {"count": 2.5},
        {"count": "x" * 10_000},
        {"faded": "perhaps"},
        {"size": "huge"},
        {"prompt": "x" * 21},
        {"prompt": 7},
        {"variants": 99},
        {"seed": -1},
        {"seed": MAX_SEED + 1},
        {"seed": 10**400},
        {"depth": "/etc/passwd"},
        {"depth": b"bytes"},
        {"unknown": 1},
        {"<script>\n": 1},
        {"x" * 9999: 1},
    ],
    ids=lambda values: str(values)[:30],
)
def test_a_bad_option_is_refused_in_one_sentence(values: dict):
    sentence = refusal(values)
    assert len(sentence) < 250
    name = next(iter(values))
    assert any(str(entry.label) in sentence for entry in controls(Everything) if entry.name == name) or (
        name not in Everything.model_fields and "Unknown option" in sentence
    )


def test_bounds_are_inclusive_and_said_when_broken():
    assert validated(Everything, {"count": 9, "amount": 0.0}).count == 9
    assert "from 1 to 9" in refusal({"count": 10})


def test_the_choices_are_said_when_another_is_made():
    assert "small, large" in refusal({"size": "huge"})


def test_a_missing_picture_is_named():
    assert "Reference" in refusal({}, Needs)


def test_a_picture_is_a_decoded_photo(gray_photo: Photo):
    assert validated(Needs, {"reference": gray_photo}).reference is gray_photo


def test_options_cannot_be_changed_once_they_are_checked():
    options = validated(Everything, {})
    with pytest.raises(ValueError, match="frozen"):
        options.count = 5


def test_finish_is_checked_as_everything_else_is():
    assert validated(Finish, {"warmth": -1}).warmth == -1
    refusal({"warmth": 1.1}, Finish)
    refusal({"warmth": float("nan")}, Finish)
    refusal({"brightness": 1}, Finish)
    assert set(Finish.model_fields) < set(RESERVED)


def test_a_choice_brings_what_suits_it_in_the_place_of_defaults_alone():
    assert validated(Suiting, {}).amount == 0.5
    assert validated(Suiting, {"size": "large"}).amount == 0.9
    assert validated(Suiting, {"size": "large", "amount": 0.2}).amount == 0.2
    assert "large: As large as it gets (amount 0.9)" in controls(Suiting)[0].help_with_choices
