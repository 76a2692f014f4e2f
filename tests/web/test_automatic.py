"""What happens by itself when a photo comes: every quick method colours it, and what is no longer wanted ends."""

from dataclasses import replace
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from conftest import engine_with
from PIL import Image
from trivial_method import TransferMethod, TrivialMethod

from colorizers.engine import Engine
from colorizers.picture.photo import Photo
from colorizers.web.automatic import Automatic
from colorizers.web.handlers import TabHandlers
from colorizers.web.notice import build_notice
from colorizers.web.recall import Recall
from colorizers.web.session import Session
from colorizers.web.shown import Source
from colorizers.web.strip import build_strip
from colorizers.web.tab import build_tab
from colorizers.words import ENGLISH, templates


def method(name: str, quick: bool = True, kind: type[TrivialMethod] = TrivialMethod, **hooks) -> TrivialMethod:
    """A trivial method under another name."""
    templates(ENGLISH).update({f"methods.{name}.title": name.capitalize(), f"methods.{name}.purpose": "a tint"})
    made = kind(**hooks)
    made.info = replace(kind.info, name=name, quick=quick)
    return made


class Visit:
    """A page with some methods, without a browser."""

    def __init__(self, engine: Engine) -> None:
        infos = [each.info for each in engine.methods.values()]
        with gr.Blocks():
            strip, row, notice = build_strip(infos, ENGLISH), gr.Tabs(), build_notice(ENGLISH)
            tabs = [TabHandlers(engine, info, build_tab(info, engine.weights(), ENGLISH), strip) for info in infos]
        self.tabs = {tab.info.name: tab for tab in tabs}
        self.automatic, self.strip, self.session = Automatic(engine, tabs, strip, row), strip, Session()
        self.recall = Recall(tabs, row, notice)

    def take(self, photo: Path) -> None:
        """A photo comes."""
        self.session.use(Source(photo))
        self.automatic.begin(self.session, stay=False)

    def turn(self) -> None:
        """The photo is turned."""
        self.session.turn(1)
        self.automatic.begin(self.session, stay=True)

    def run(self, **steps: int):
        """All that follows by itself, one update after the other; some methods in another number of steps."""
        values = [
            steps[name] if name in steps and entry.name == "steps" else entry.default
            for name, tab in self.tabs.items()
            if tab.info.automatic
            for entry in entries(tab)
        ]
        return self.automatic.run(self.session, *values)

    @property
    def colored(self) -> list[str]:
        """The methods that have coloured the photo."""
        return [name for name, tab in self.session.tabs.items() if tab.colorings]


def entries(tab: TabHandlers) -> tuple:
    return (*tab.view.options.entries, *tab.view.finish.entries)


@pytest.fixture
def visit() -> Visit:
    quick = [method(name) for name in ("first", "second", "third")]
    return Visit(engine_with(*quick, method("slow", quick=False), method("borrowing", kind=TransferMethod)))


@pytest.fixture
def photo(tmp_path: Path, gray_pixels: np.ndarray) -> Path:
    path = tmp_path / "grandmother.png"
    Image.fromarray(gray_pixels).save(path)
    return path


def test_all_that_are_quick_and_need_nothing_else_run_the_visible_one_first(visit: Visit, photo: Path):
    visit.session.open = "second"
    visit.take(photo)
    assert visit.session.coming == ("second", "first", "third")
    for _ in visit.run():
        pass
    assert set(visit.colored) == {"first", "second", "third"}
    assert visit.session.coming == ()


def test_from_a_tab_that_does_not_run_by_itself_the_first_opens(visit: Visit, photo: Path):
    visit.session.open = "slow"
    visit.take(photo)
    assert visit.session.open == "first"


def test_each_result_is_in_the_strip_as_soon_as_it_is_there(visit: Visit, photo: Path):
    visit.take(photo)
    ready = []
    for updates in visit.run():
        if visit.strip.results in updates:
            ready.append(
                updates[visit.strip.results].count("data-method") - updates[visit.strip.results].count("coming>")
            )
    assert list(dict.fromkeys(ready)) == [1, 2, 3]


def test_another_photo_ends_the_rest(visit: Visit, photo: Path, tmp_path: Path):
    other = tmp_path / "harbour.png"
    Image.linear_gradient("L").resize((40, 90)).save(other)
    visit.take(photo)
    first = visit.run()
    while not visit.colored:
        next(first)
    visit.take(other)
    assert list(first) == []
    assert visit.colored == []
    assert len(visit.session.coming) == 3
    for _ in visit.run():
        pass
    assert len(visit.colored) == 3


@pytest.mark.parametrize("running", ["first", "second", "third"])
def test_settings_that_are_asked_for_meanwhile_are_used_and_the_others_come_too(photo: Path, running: str):
    asked = iter(["method=second&steps=7"])

    def ask(_: int) -> None:
        visit.recall.from_address(visit.session, next(asked, None))

    hooks = {running: {"after_step": ask}}
    visit = Visit(engine_with(*(method(name, **hooks.get(name, {})) for name in ("first", "second", "third"))))
    visit.take(photo)
    for updates in (visit.run(), visit.run(second=7)):
        for _ in updates:
            pass
    steps = {name: visit.session.tabs[name].coloring.record.options["steps"] for name in visit.colored}
    assert steps == {"first": 4, "second": 7, "third": 4}
    assert visit.session.coming == ()


def test_a_cancel_ends_the_rest_and_keeps_what_has_come(visit: Visit, photo: Path):
    visit.take(photo)
    running = visit.run()
    while not visit.colored:
        next(running)
    running.close()
    updates = visit.automatic.stopped(visit.session)
    assert visit.colored == ["first"]
    assert visit.session.coming == ()
    assert updates[visit.strip.results].count("data-method") == 1


def test_turning_turns_the_colours_of_every_tab_and_keeps_the_visible_one(visit: Visit, photo: Path):
    visit.take(photo)
    for _ in visit.run():
        pass
    slow = visit.tabs["slow"]
    for _ in slow.run_job(visit.session, *(entry.default for entry in entries(slow))):
        pass
    visit.session.open = "slow"
    before = visit.session.result(slow.info).pixels()
    visit.turn()
    assert visit.session.open == "slow"
    assert np.abs(np.rot90(before).astype(int) - visit.session.result(slow.info).pixels()).max() <= 2
    path, _ = visit.session.save(slow.info, ".png", 8, keep_exif=False)
    assert Photo.open(path).size == Photo.open(photo).size[::-1]


def test_a_tab_gets_its_picture_when_it_is_opened_or_afterwards_and_not_twice(visit: Visit, photo: Path):
    visit.take(photo)
    third, running = visit.tabs["third"], visit.run()
    while "third" not in visit.colored:
        next(running)
    before, after = third.opened(visit.session)[third.view.slider]
    assert Photo.open(after).rgb is not None
    assert Photo.open(before).rgb is None
    assert third.opened(visit.session)[third.view.slider] == gr.skip()
