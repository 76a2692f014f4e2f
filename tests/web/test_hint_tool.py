"""What the server does with the hints of a page: it checks them, keeps them, and knows likely colours of a place."""

import gradio as gr
import pytest
import torch
from conftest import engine_with
from trivial_method import TrivialMethod

from colorizers.engine.jobs import JobRequest
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import listens
from colorizers.picture.color import rgb_to_lab
from colorizers.picture.hints import checked_hints
from colorizers.web.hint_colors import likely_colors
from colorizers.web.hint_tool import build_hint_tool
from colorizers.web.session import Session

RED = checked_hints([{"path": [[0.5, 0.5]], "color": "#c02030", "reach": 10}])


@pytest.fixture
def session(session: Session) -> Session:
    """The same after the trivial method has coloured the photo twice."""
    request = JobRequest(session.shown.photo, "trivial", {"variants": 2, "seed": 0})
    results = engine_with(TrivialMethod()).results(request)
    session.keep(TrivialMethod.info, tuple(result.coloring for result in results))
    return session


def lab_of(color: str) -> torch.Tensor:
    levels = torch.tensor([int(color[k : k + 2], 16) for k in (1, 3, 5)]) / 255
    return rgb_to_lab(levels[:, None, None])[:, 0, 0]


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.4, 0.4), (1.0, 1.0)])
def test_five_distinct_colours_are_likely_at_the_luminance_of_a_place(
    session: Session, place: tuple[float, float]
) -> None:
    light = session.shown.photo.lightness
    own = light[min(int(place[1] * 48), 47), min(int(place[0] * 64), 63)]
    labs = [lab_of(color) for color in likely_colors(session, *place)]
    assert all(abs(lab[0] - own) < 1 for lab in labs)
    if 15 < own < 85:  # near black and white there are not so many
        assert len(labs) == 5
    assert all(torch.dist(a[1:], b[1:]) > 10 for k, a in enumerate(labs) for b in labs[:k])


def test_what_the_methods_say_of_a_place_is_likely_first(session: Session) -> None:
    said = session.tab(TrivialMethod.info).colorings[0].outcome.ab[:, 0, 0]
    first = lab_of(likely_colors(session, 0.5, 0.9)[0])
    assert torch.dot(first[1:], said) / (first[1:].norm() * said.norm()) > 0.98, "the same hue"


@pytest.mark.parametrize("place", ["", "[2, 0]", "[0.5]", "[NaN, 0]", '["a", 1]', "[" * 200, "{}"])
def test_a_place_that_is_none_is_refused_in_one_sentence(session: Session, place: str) -> None:
    with gr.Blocks():
        tool = build_hint_tool("en")
    with pytest.raises(gr.Error, match="The place of a hint must be two numbers from 0 to 1"):
        tool.suggest(session, place)


def test_hints_act_on_previews_small_results_and_files_and_end_with_the_photo(session: Session) -> None:
    info = TrivialMethod.info
    plain, small = session.look(info)[1].read_bytes(), session.small(info)
    session.hint(RED)
    assert session.look(info)[1].read_bytes() != plain
    assert session.small(info) != small
    assert session.result(info).record.hints == RED
    session.turn(1)
    assert session.hints == tuple(hint.turned(1) for hint in RED)
    session.hint(())
    assert session.result(info).record.hints == ()
    session.hint(RED)
    session.use(session.shown.source)
    assert session.hints == ()


def test_a_method_listens_to_hints_by_its_weights() -> None:
    info = METHODS["unet"].info
    assert listens(info, {"weights": "hints"})
    assert not listens(info, {"weights": "efficientnet"})
