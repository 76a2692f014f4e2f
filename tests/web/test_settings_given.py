"""Settings that come from an address, a file or a browser: taken where they mean something here, and nowhere else."""

import gradio as gr
import pytest

from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import METHODS
from colorizers.picture.finish import Finish
from colorizers.web.looks import MOST_OWN, own_looks, with_look, without_look
from colorizers.web.settings_given import Settings, address, of_address, of_sent, said, understood
from colorizers.web.tab import TabView, build_tab
from colorizers.words import ENGLISH

UNET = METHODS["unet"].info


@pytest.fixture(scope="module")
def view() -> TabView:
    with gr.Blocks():
        return build_tab(UNET, make_engine().weights(), ENGLISH)


def taken(view: TabView, **values: object) -> tuple[dict, tuple[str, ...]]:
    """The values that a tab takes, by their names, and the names of the others."""
    parts, left_out = understood(Settings("unet", values), view, UNET.options)
    names = {view.options[entry.name]: entry.name for entry in view.options.entries}
    names |= {view.finish[entry.name]: entry.name for entry in view.finish.entries}
    return {names[part]: value for part, value in parts.items()}, left_out


def test_an_address_gives_back_the_values_that_differ_from_the_first_ones(view: TabView):
    first = {entry.name: entry.default for entry in (*view.options.entries, *view.finish.entries)}
    changed = {"vividness": 0.7, "faded_print": True, "warmth": -0.25}
    link = address("unet", view, (first | changed).values())
    settings = of_address(link)
    assert settings is not None
    assert settings.method == "unet"
    assert taken(view, **settings.values) == (changed, ())
    assert of_address("") is of_address("photo") is of_address(None) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vividness", 7), ("vividness", "nan"), ("vividness", None), ("vividness", [0.5]), ("warmth", float("inf")),
        ("weights", "../../secret"), ("magic", 1), ("faded_print", "perhaps"),
    ],
)  # fmt: skip
def test_what_is_no_setting_here_is_left_out_and_named(view: TabView, name: str, value: object):
    assert taken(view, saturation="1.5", **{name: value}) == ({"saturation": 1.5}, (name,))


def test_a_hostile_name_is_shown_clean_and_many_are_cut_short(view: TabView):
    assert taken(view, **{"<script>\n": 1}) == ({}, ("_script_",))
    assert str(said(UNET.title, tuple("abcdefgh"))).endswith("a, b, c, d, e, ….")


@pytest.mark.parametrize("sent", [None, 3, "", "{}", "[" * 50_000, '{"method": "unet"}', "x" * 100_000])
def test_what_is_no_record_is_refused_in_one_sentence(sent: object):
    with pytest.raises(ColorizerError, match=r"^These settings cannot be read\.$"):
        of_sent(sent)


def test_looks_of_ones_own_are_bounded_named_and_checked():
    looks = []
    for place in range(MOST_OWN):
        looks = with_look(looks, f" look {place} ", Finish(warmth=0.1))
    assert looks[0].name == "look 0"
    with pytest.raises(ColorizerError, match="keeps 12 looks of your own"):
        with_look(looks, "one more", Finish())
    assert with_look(looks, "look 3", Finish(warmth=0.2))[-1].finish.warmth == 0.2
    assert len(without_look(looks, "look 3")) == MOST_OWN - 1
    for name in ("", "  ", "x" * 31, None, 7):
        with pytest.raises(ColorizerError, match="needs a name"):
            with_look([], name, Finish())
    kept = [look.model_dump() for look in looks[:2]]
    assert own_looks([*kept, {"name": "bad", "finish": {"warmth": 9}}, "nonsense"]) == looks[:2]
    assert own_looks({"name": "no list"}) == []
