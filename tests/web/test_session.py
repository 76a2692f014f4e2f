"""What the server keeps of its visitors: as little as it can, bounded, and each visitor's files in one place."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import engine_with
from PIL import Image
from trivial_method import TrivialMethod

from colorizers import _engine
from colorizers.engine import Engine
from colorizers.engine.jobs import JobRequest
from colorizers.errors import ColorizerError
from colorizers.picture.compose import Painting
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.web.colored_tab import ColoredTab, Shelf, Steps
from colorizers.web.session import Session
from colorizers.web.shown import Source

SIDE = 96


class Painter(TrivialMethod):
    """Paints noise, `SIDE` pixels a side."""

    info = replace(TrivialMethod.info, name="painter", losses=())

    def run(self, photo, options, job) -> list[Painting]:
        random = torch.Generator().manual_seed(options.seed)
        return [Painting(torch.rand(3, SIDE, SIDE, generator=random)) for _ in range(options.variants)]


@pytest.fixture
def painters() -> Engine:
    return engine_with(Painter())


def results_of(engine: Engine, photo: Photo, variants: int = 1):
    request = JobRequest(photo, "painter", {"variants": variants, "seed": 0}, Finish(luminance_lock=0))
    return engine.results(request)


def colorings_of(results):
    return tuple(result.coloring for result in results)


def test_results_on_the_page_take_half_the_memory_and_are_saved_as_they_were(
    painters: Engine, session: Session, tmp_path: Path
):
    method = painters.methods["painter"].info
    results = results_of(painters, session.shown.source.open(), variants=10)
    session.tab(method).finish = Finish(luminance_lock=0)
    session.keep(method, colorings_of(results))
    assert session.tab(method).bytes <= 10 * 3 * SIDE**2 * 2
    path, _ = session.save(method, ".png", 8, keep_exif=False)
    assert np.array_equal(np.asarray(Image.open(path)), results[0].pixels())


def test_the_photo_before_comes_back_with_its_results_and_goes_again(
    painters: Engine, session: Session, tmp_path: Path
):
    method, first = painters.methods["painter"].info, session.shown
    session.keep(method, colorings_of(results_of(painters, first.source.open())))
    other = tmp_path / "harbour.png"
    Image.linear_gradient("L").save(other)
    session.use(Source(other))
    assert not session.tab(method).colorings
    session.go_back()
    assert session.shown is first
    assert session.tab(method).colorings
    session.turn(1)
    session.go_back()
    assert session.shown.source.path == other
    session.go_back()
    assert session.shown.source.quarter_turns == 1


def test_a_turned_photo_is_what_its_file_would_show(session: Session, tmp_path: Path):
    path = tmp_path / "harbour.png"
    Image.linear_gradient("L").resize((900, 2100)).rotate(15).save(path)
    session.use(Source(path))
    for quarter_turns in (1, -1, -1, 2):
        session.turn(quarter_turns)
        opened = session.shown.source.open()
        assert session.shown.size == opened.size
        expected = opened.reduced(max(session.shown.photo.size)).lightness
        assert (session.shown.photo.lightness - expected).abs().max() < 0.1


def test_undo_and_redo_walk_along_the_steps_and_a_new_step_ends_redo():
    steps, finishes = Steps(), [Finish(warmth=warmth) for warmth in (0, 0.1, 0.2)]
    for finish in (finishes[0], finishes[1], finishes[1], finishes[2]):
        steps.take(finish)
    assert steps.back() == finishes[1]
    assert steps.back() == finishes[0]
    assert steps.back() == finishes[0]
    assert not steps.has_before(finishes[0])
    assert steps.has_before(finishes[2]), "what was moved and not let go yet"
    assert steps.forward() == finishes[1]
    assert steps.has_after(finishes[1])
    steps.take(Finish(warmth=1))
    assert not steps.has_after(Finish(warmth=1))
    assert steps.back() == finishes[1]


def test_older_results_make_room_for_newer_ones_and_a_sentence_says_so(painters: Engine, gray_photo: Photo):
    results = results_of(painters, gray_photo)
    tabs = [ColoredTab(Finish(), colorings_of(results)) for _ in range(3)]
    shelf = Shelf(most=2 * tabs[0].bytes)
    for tab in tabs:
        shelf.add(tab)
    assert [len(tab.colorings) for tab in tabs] == [0, 1, 1]
    with pytest.raises(ColorizerError, match=r"^These results were removed to make room for newer ones; colour"):
        _ = tabs[0].coloring
    shelf.add(tabs[1])
    shelf.add(ColoredTab(Finish(), colorings_of(results)))
    assert [len(tab.colorings) for tab in tabs] == [0, 1, 0], "what was made anew stays"


def test_what_one_tab_needs_may_be_more_than_the_bound(painters: Engine, gray_photo: Photo):
    tab = ColoredTab(Finish(), colorings_of(results_of(painters, gray_photo)))
    Shelf(most=10).add(tab)
    assert len(tab.colorings) == 1


def test_a_visitor_has_one_folder_whoever_asks_first():
    visitor, together = Session(), threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait(10)
        return id(visitor.folder)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1


def test_first_callers_at_once_share_one_engine():
    together = threading.Barrier(8)

    def ask(_: int) -> int:
        together.wait(10)
        return id(_engine())

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
