"""Bounded fuzzing of bytes, options, hints and records: whatever comes, one sentence or what was asked for."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hostile_files import KINDS, good
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from photo_cases import sentence_on
from PIL import Image, PngImagePlugin
from run_command import command

from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import finish_of
from colorizers.options import controls, validated
from colorizers.picture.finish import Finish
from colorizers.picture.hints import checked_hints
from colorizers.picture.photo import Photo
from colorizers.picture.record import PNG_KEY
from colorizers.web.api_answers import json_object, json_objects
from colorizers.web.settings_given import of_address, of_sent


def bounded(most: int) -> settings:
    """So many examples, the same ones every time."""
    return settings(
        max_examples=most, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )


STRANGE: tuple[Any, ...] = (
    math.nan,
    math.inf,
    -math.inf,
    10**400,
    -(10**400),
    2**63,
    -1,
    0,
    -0.0,
    1e308,
    5e-324,
    True,
    None,
    "",
    "nan",
    "1e999",
    "0x10",
    "１",
    "\0",
    "\ud800",
    "\u202e",
    "x" * 10**6,
    "../../etc/passwd",
    "<script>",
    "{name}",
    "%s",
    b"bytes",
    [],
    {},
    (),
    [[[[]]]],
    {"a": {"b": {}}},
    {1: 2},
    [math.nan],
    object,
    Path("/etc/passwd"),
    1j,
)
values = st.one_of(
    st.sampled_from(STRANGE),
    st.floats(),
    st.integers(),
    st.text(max_size=20),
    st.recursive(
        st.none() | st.floats(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=6
    ),
)
NAMES = sorted(
    {entry.name for method in METHODS.values() for entry in controls(method.info.options)}
    | {*Finish.model_fields, "look"}
)
names = st.one_of(
    st.sampled_from(NAMES), st.text(max_size=30), st.sampled_from(["", "x" * 10**6, "\0", "\ud800", "__class__"])
)


def one_sentence(error: ColorizerError) -> None:
    """What is said is one line, short, and can be written in any encoding of a page."""
    sentence = str(error)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert len(sentence) < 1000
    sentence.encode()


@pytest.mark.filterwarnings("ignore:::PIL")
@pytest.mark.parametrize("kind", KINDS)
def test_no_change_of_bytes_leads_to_anything_but_a_photo_or_a_sentence(kind: str):
    data = good(kind)
    places = st.integers(0, len(data) - 1)
    changes = st.lists(st.tuples(places, st.integers(0, 8), st.binary(max_size=8)), min_size=1, max_size=6)

    @bounded(120)
    @given(changes)
    def check(changes: list[tuple[int, int, bytes]]) -> None:
        broken = data
        for place, length, put in changes:
            broken = broken[:place] + put + broken[place + length :]
        sentence_on(broken)

    check()


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
@bounded(50)
@given(st.dictionaries(names, values, min_size=1, max_size=3), st.dictionaries(names, values, max_size=2))
def test_options_are_taken_or_refused_in_one_sentence(method, options: dict[str, Any], finish: dict[str, Any]):
    try:
        wanted = validated(method.info.options, options)
        finish_of(method.info, dict(wanted), finish)
    except ColorizerError as error:
        one_sentence(error)


json_texts = st.one_of(
    st.sampled_from(
        [
            "[" * 9000,
            "{" * 9000,
            '{"a":' * 2000 + "1" + "}" * 2000,
            "[" * 150_000,
            "1" * 6000,
            "x" * 10**6,
            "NaN",
            "[NaN]",
            '{"\\ud800": 1}',
            '{"vividness": 1e999}',
            "\0",
            "\ufeff{}",
            "\ud800",
            '"text"',
            "null",
            "true",
        ]
    ),
    st.text(max_size=60),
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    ).map(json.dumps),
)
READERS: dict[str, Callable[[Any], object]] = {
    "options": lambda given: validated(METHODS["unet"].info.options, json_object(given, "options_json")),
    "rows": lambda given: json_objects(given, "rows_json", 12, "[]"),
    "hints": checked_hints,
    "the browser's record": of_sent,
    "an address": of_address,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@bounded(120)
@given(st.one_of(json_texts, values))
def test_json_is_understood_or_refused_in_one_sentence(reader: Callable[[Any], object], text: Any):
    try:
        reader(text)
    except ColorizerError as error:
        one_sentence(error)


hints = st.fixed_dictionaries(
    {
        "path": st.lists(
            st.lists(st.one_of(st.floats(), st.sampled_from([0, 1, math.nan, 10**400])), max_size=3), max_size=3
        )
    },
    optional={
        "color": st.sampled_from(["#2e7d32", "red", None, "#\0\0\0", 7]),
        "radius": values,
        "reach": values,
        "more": values,
    },
)


@bounded(150)
@given(st.lists(hints, max_size=3))
def test_hints_are_taken_or_refused_in_one_sentence(given_hints: list[dict[str, Any]]):
    try:
        assert checked_hints(given_hints) is not None
    except ColorizerError as error:
        one_sentence(error)


forged = st.fixed_dictionaries(
    {
        "method": st.sampled_from(
            ["trivial", "trivial", "trivial", "unet", "", "\0", "\ud800", "x" * 10**6, "../unet", None, 7]
        ),
        "options": st.dictionaries(names, values, max_size=2),
        "finish": st.dictionaries(names, values, max_size=2),
    },
    optional={
        "version": values,
        "hints": values,
        "weights": st.dictionaries(st.text(max_size=9), values, max_size=2),
        "pictures": st.dictionaries(st.text(max_size=9), values, max_size=2),
        "input_sha256": values,
        "versions": values,
        "stopped_early": values,
        "more": values,
    },
)


def as_json(record: dict[str, Any]) -> str:
    """A record as a stranger may write it: what JSON does not know becomes text, and so do names."""
    return json.dumps(record, default=str, skipkeys=True)


@bounded(60)
@given(forged)
def test_a_forged_record_is_refused_in_one_sentence_or_means_what_it_says(
    tmp_path: Path, trivial: None, capsys: pytest.CaptureFixture[str], record: dict[str, Any]
):
    photo, result, again = (tmp_path / name for name in ("photo.png", "result.png", "again.png"))
    photo.write_bytes(good())
    text = PngImagePlugin.PngInfo()
    text.add_itxt(
        PNG_KEY, as_json({"input_sha256": Photo.open(photo).sha256} | record).encode("utf-8", "replace").decode()
    )
    Image.new("RGB", (2, 2)).save(result, pnginfo=text)
    capsys.readouterr()
    code = command("colorize", photo, "--from", result, "-o", again, "--overwrite")
    said = capsys.readouterr().err
    assert code in (0, 2)
    if code == 2:
        assert said.count("\n") == 1
        assert said.endswith(".\n")
        assert len(said) < 1000
        assert said.strip().isprintable()
