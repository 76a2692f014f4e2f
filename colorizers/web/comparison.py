"""The tab that compares: all results of the photo side by side, two of them under one divider, figures, a sheet."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import gradio as gr

from colorizers.errors import ColorizerError
from colorizers.evaluation.comparison import SIDE, Coloration, measured, naive, of_photo, of_result, sheet_of
from colorizers.methods.method import MethodInfo
from colorizers.options import controls
from colorizers.picture.photo import Photo
from colorizers.picture.result import Result
from colorizers.picture.sheet import SheetOptions, save_sheet
from colorizers.web import markup
from colorizers.web.gradio_io import EACH, QUIET, sent_with, shown_errors
from colorizers.web.handlers import FINISHING
from colorizers.web.saving import wire_saving
from colorizers.web.session import Card, Session
from colorizers.web.strip import Strip
from colorizers.web.tab import BUTTON, Updates, build_stage
from colorizers.words import ENGLISH, Text

ID = "compare"
_MOST_PINS = 12
_ON_LOAD = """element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-card]');
    if (button) trigger('click', { card: button.dataset.card, act: button.dataset.act });
});
const again = () => { if (element.checkVisibility()) trigger('submit'); };
new MutationObserver(again).observe(document.getElementById('results'), { childList: true, subtree: true });
again();"""


@dataclass(frozen=True)
class CompareView:
    """The components of the tab."""

    stage: gr.ImageSlider
    cards: gr.HTML
    sheet: gr.Button
    file: gr.DownloadButton
    language: str

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What a look changes."""
        return [self.stage, self.cards]


@dataclass(frozen=True, eq=False)
class _Entry:
    """A result that is compared, and whether it stays when its tab changes."""

    info: MethodInfo
    result: Result
    pinned: bool

    @cached_property
    def key(self) -> str:
        """The same for the same pixels, and for no others."""
        return hashlib.sha256(self.result.record.model_dump_json().encode()).hexdigest()[:16]

    def coloration(self, photo: Photo, language: str) -> Coloration:
        """The result on the whole photo."""
        result, info = replace(self.result, photo=photo), self.info
        settings = _settings(result, info, language)
        return of_result(result, info.name, info.title, settings, result.coloring.seconds)


class Comparison:
    """What the tab does."""

    def __init__(self, infos: Sequence[MethodInfo], view: CompareView, strip: Strip) -> None:
        self._infos = {info.name: info for info in infos}
        self._view = view
        self._strip = strip
        self._language = view.language

    def wire(self, tab: gr.Tab, session: gr.State) -> None:
        """Connect the components."""
        view = self._view
        tab.select(self.opened, session, view.outputs, **QUIET, **FINISHING)
        view.cards.click(self.act, session, view.outputs, **EACH, **FINISHING)
        # Results may come, or get another finish, while the visitor compares: the strip has shown them then.
        view.cards.submit(self.look_again, session, view.outputs, trigger_mode="always_last", **QUIET, **FINISHING)
        self._strip.keep.click(self.keep, session, self._strip.keep, **QUIET, **FINISHING)
        wire_saving(view.sheet, view.file, Text("compare.sheet"), self.save, session, self._language)

    def opened(self, session: Session) -> Updates:
        """The visitor looks at this tab now."""
        session.open = ID
        return self.look_again(session)

    def look_again(self, session: Session) -> Updates:
        """Something has changed; the visitor may look elsewhere by now."""
        with shown_errors(self._language):
            return self._look(session) if session.open == ID else {self._view.cards: gr.skip()}

    def act(self, session: Session, event: gr.EventData) -> Updates:
        """A card was clicked, which shows it under the divider or, on its cross, takes it away."""
        sent = sent_with(event)
        card, act = sent.get("card"), sent.get("act")
        with shown_errors(self._language):
            compared = session.compared
            if card not in {each.key for each in compared.cards}:
                raise ColorizerError(Text("page.picture-gone"))
            if act == "remove":
                compared.pins = [pin for pin in compared.pins if pin.key != card]
                return self._look(session)
            left, right = (*compared.sides, card)[-2:]
            compared.sides = (right, left) if card in compared.sides else (left, right)
            return self._drawn(session)

    def keep(self, session: Session) -> gr.Button:
        """The result of the visible tab stays for comparing, whatever becomes of the tab."""
        with shown_errors(self._language):
            if len(session.compared.pins) >= _MOST_PINS:
                raise ColorizerError(Text("compare.enough", count=_MOST_PINS))
            info = self._infos.get(session.open)
            if info is None:
                raise ColorizerError(Text("page.nothing-yet"))
            session.pin(info, _Entry(info, session.result(info), pinned=True).key)
        return gr.Button(Text("compare.kept", count=len(session.compared.pins)).worded(self._language))

    def save(self, session: Session) -> Path:
        """The contact sheet, made anew from the whole photo."""
        with shown_errors(self._language):
            photo = session.shown.source.open()
            made = [entry.coloration(photo, ENGLISH) for entry in self._entries(session)]
            look = SheetOptions(picture_size=SIDE)
            sheet = sheet_of(_compared(photo, made), photo, session.shown.source.name, look)
            path = session.place_to_save(f"{photo.name}_compare.png")
            save_sheet(sheet, path)
        return path

    def _look(self, session: Session) -> Updates:
        """All that is there now; nothing is made again while all of it is known."""
        compared, entries = session.compared, list(self._entries(session))
        known = {card.key: card for card in compared.cards}
        if any(entry.key not in known for entry in entries):
            for card in compared.cards:
                session.folder.discard(card.path)
            known = {card.key: card for card in self._made(session, entries)}
        results = [replace(known[entry.key], pinned=entry.pinned) for entry in entries]
        compared.cards = [*results, *(card for card in known.values() if card.seconds is None)]
        keys = [card.key for card in compared.cards]
        chosen = [side for side in compared.sides if side in keys]
        compared.sides = tuple([*chosen, *(key for key in keys if key not in chosen)][:2])
        return self._drawn(session)

    def _drawn(self, session: Session) -> Updates:
        compared, before = session.compared, session.shown.before
        paths = {card.key: card.path for card in compared.cards}
        pair = tuple(paths[side] for side in compared.sides) if len(compared.sides) == 2 else (before, before)
        return {self._view.stage: pair, self._view.cards: markup.cards(compared, self._language)}

    def _made(self, session: Session, entries: Sequence[_Entry]) -> Iterator[Card]:
        """A card for each result, and for the photo and the naive colourings."""
        photo = session.shown.source.open()
        every = _compared(photo, [entry.coloration(photo, self._language) for entry in entries])
        keys, alpha = [*(entry.key for entry in entries), *(each.name for each in every[len(entries) :])], photo.alpha
        if alpha is not None:
            alpha = photo.reduced(SIDE).alpha
        for key, each in zip(keys, every, strict=True):
            path = session.folder.preview(each.pixels, alpha)
            yield Card(key, each.title, each.settings, each.seconds, each.figures, path)

    def _entries(self, session: Session) -> Iterator[_Entry]:
        """The results of all tabs, and after them those that were kept."""
        pins = session.compared.pins
        for info in self._infos.values():
            if session.tab(info).colorings:
                entry = _Entry(info, session.result(info), pinned=False)
                if entry.key not in {pin.key for pin in pins}:
                    yield entry
        for pin in pins:
            if pin.tab.colorings:
                yield _Entry(
                    pin.info, Result(session.shown.photo, pin.tab.coloring, pin.tab.finish, session.hints), pinned=True
                )


def _compared(photo: Photo, made: list[Coloration]) -> list[Coloration]:
    """What methods made and, after it, the photo and what is naive; with figures where the photo has colour."""
    if photo.rgb is None:
        return [*made, *of_photo(photo, truth=False)]
    return measured([*made, *of_photo(photo, truth=True), *naive(photo)])


def _settings(result: Result, info: MethodInfo, language: str) -> str:
    """What was chosen other than it is at first, in words; not the seed, which says nothing to people."""
    said = []
    for model, values in ((info.options, result.record.options), (info.finish, result.record.finish)):
        for entry in (each.worded(language) for each in controls(model)):
            value = values.get(entry.name, entry.default)
            if value != entry.default and entry.kind != "seed":
                label = dict(zip(entry.choices, entry.labels, strict=True)).get(str(value))
                number = f"{value:g}" if isinstance(value, float) else str(value)
                said.append(entry.label if value is True else f"{entry.label} {label or number}")
    return ", ".join(said)


def build_comparison(language: str) -> CompareView:
    """Render the tab here."""
    with gr.Column(elem_classes="picture"):
        stage = build_stage(language, "pair", position=50)
    with gr.Column(elem_classes="side compare"):
        with gr.Column(elem_classes="actions"), gr.Row(elem_classes="buttons"):
            sheet = gr.Button(Text("compare.sheet").worded(language), variant="primary", **BUTTON)
            file = gr.DownloadButton("", visible=False)
        gr.HTML(markup.small(Text("compare.how").worded(language)))
        cards = gr.HTML(js_on_load=_ON_LOAD)
    return CompareView(stage, cards, sheet, file, language)
