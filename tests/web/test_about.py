"""What the page says of each method, and of the machine."""

import re

import pytest

from colorizers.engine import make_engine
from colorizers.methods.catalog import METHODS
from colorizers.settings import PROJECT
from colorizers.web import texts
from colorizers.web.about import about
from colorizers.words import ENGLISH


@pytest.mark.parametrize("name", METHODS)
def test_a_visitor_can_read_what_a_method_is_and_the_facts_about_its_weights(name: str):
    engine, info = make_engine(), METHODS[name].info
    told = about(info, engine.weights(), ENGLISH)
    assert info.paper in told
    rows = re.findall(r"<tr[^>]*><th scope=\"row\">(.*?)<small>(.*?)</small></th>(.*?)</tr>", told)
    assert rows or name == "blend"  # which has the weights of two others
    assert all(label and licence for label, licence, _ in rows)


def test_the_figures_are_those_of_the_cards():
    told = about(METHODS["unet"].info, make_engine().weights(), ENGLISH)
    card = (PROJECT / "weights" / "unet_efficientnet.md").read_text()
    heads, own = (
        [cell.strip() for cell in re.search(pattern, card, re.MULTILINE)[0].split("|")]
        for pattern in (r"^\| row \|.*$", r"^\| unet \|.*$")
    )
    measured = dict(zip(heads, own, strict=True))
    first = re.search(r"<td>6\.\d+ M</td>(.*?)</tr>", told)[1]
    assert first == f"<td>{measured['x gray']}</td><td>{measured['KID']}</td>"


def test_the_page_says_where_methods_run():
    assert re.fullmatch(r"Processor \(threads: \d+\)", make_engine().health().described.worded(ENGLISH))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0.01 s"), (0.044, "0.04 s"), (0.0949, "0.09 s"), (0.0951, "0.1 s"), (1.26, "1.3 s"), (12.4, "12 s")],
)
def test_no_method_is_said_to_take_no_time(seconds: float, said: str):
    assert texts.brief(seconds).worded(ENGLISH) == said
