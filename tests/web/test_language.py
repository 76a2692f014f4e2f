"""The page in another language: nothing on it stays in English."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from conftest import engine_with
from PIL import Image
from trivial_method import TrivialMethod

from colorizers import words
from colorizers.engine import make_engine
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.options import controls
from colorizers.web import theme
from colorizers.web.blocks import build_page
from colorizers.web.handlers import TabHandlers, show_queued
from colorizers.web.saving import show_saving
from colorizers.web.session import Session
from colorizers.web.shown import Source
from colorizers.web.strip import build_strip
from colorizers.web.tab import FORMATS, build_tab
from colorizers.words import ENGLISH, templates

PAPERS = {method.info.paper for method in METHODS.values()}
PROMPTS = {
    entry.default
    for method in METHODS.values()
    for entry in controls(method.info.options)
    if entry.kind == "text" and entry.default
}
"""They stay in English, which is what the models were trained on."""


@pytest.fixture
def marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A language in which every sentence is the English one in brackets."""
    lines = [f"{json.dumps(id)} = {json.dumps(f'⟦{template}⟧')}" for id, template in templates(ENGLISH).items()]
    (tmp_path / "marked.toml").write_text("\n".join(lines))
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    return "marked"


def rest(text: str) -> str:
    """What people read of a piece of the page and no brackets are around."""
    text = re.sub(r"<style>.*?</style>|<[^>]*>", " ", text)
    while (less := re.sub(r"⟦[^⟦⟧]*⟧", " ", text)) != text:
        text = less
    return " ".join(re.findall(r"[A-Za-z]{2,}", text))


def without_licences(text: str) -> str:
    """A piece of the page without the names of licences, which are the same in every language."""
    for one in REGISTRY.values():
        text = text.replace(f"<small>{one.licence}</small>", "")
    return text


def readable(component: dict) -> Iterator[str]:
    """What people read of a component."""
    props = component["props"]
    yield from (props[key] for key in ("label", "info", "placeholder") if isinstance(props.get(key), str))
    yield from (label for label, _ in props.get("choices") or ())
    if component["type"] in ("html", "button", "textbox", "downloadbutton"):
        yield props.get("value") or ""


def test_a_page_in_another_language_has_nothing_in_english(marked: str) -> None:
    config = build_page(make_engine(METHODS), marked).get_config_file()
    assert config["title"] == "⟦Colorizers⟧"
    components = [each for each in config["components"] if each["type"] != "api"]
    texts = {text for component in components for text in readable(component)} - PROMPTS - FORMATS.keys()
    assert sum("⟦" in text for text in texts) > 150
    assert {left for text in texts if (left := rest(without_licences(text)))} == {rest(paper) for paper in PAPERS}


def test_the_scripts_of_the_page_are_in_its_language(marked: str) -> None:
    for script in (theme.head(marked), show_queued(marked), show_saving(marked)):
        assert json.dumps("⟦")[1:-1] in script
    assert "Queued" not in rest(json.loads(show_queued(marked).splitlines()[3]))


def test_a_job_and_a_mistake_are_in_the_language_of_the_page(
    marked: str, tmp_path: Path, gray_pixels: np.ndarray
) -> None:
    engine = engine_with(TrivialMethod())
    info, path = TrivialMethod.info, tmp_path / "old.png"
    Image.fromarray(gray_pixels).save(path)
    with gr.Blocks():
        view = build_tab(info, engine.weights(), marked)
        tab = TabHandlers(engine, info, view, build_strip([info], marked))
    session = Session()
    session.use(Source(path))
    values = [entry.default for panel in (view.options, view.finish) for entry in panel.entries]
    lines = [update[view.status] for update in tab.run_job(session, *values) if isinstance(update[view.status], str)]
    assert "⟦Coloured in ⟦" in lines[-1]
    assert [rest(line) for line in lines] == [""] * len(lines)
    path.unlink()
    *_, last = tab.run_job(session, *values)
    assert "⟦old.png is no longer here; please upload it again.⟧" in last[view.status]
