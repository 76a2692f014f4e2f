"""Adjusting the colours of a tab: its sliders, looks, undo and redo. No model runs."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import gradio as gr

from colorizers.methods.method import finish_of
from colorizers.options import validated
from colorizers.picture.finish import Finish
from colorizers.web.colored_tab import Steps
from colorizers.web.gradio_io import EACH, QUIET, QUIET_NOW, on_choice, sent_with, shown_errors
from colorizers.web.handlers import FINISHING, TabHandlers
from colorizers.web.looks import OwnLook, kept_looks, looks_html, own_looks, with_look, without_look
from colorizers.web.session import Session
from colorizers.web.tab import Updates

_OF_THE_PHOTO = "contrast"  # a look keeps it: that the photo has faded does not depend on taste


class Adjust:
    """The handlers of what adjusts the colours of one tab."""

    def __init__(self, tab: TabHandlers) -> None:
        self._tab = tab
        self._view = tab.view
        self._language = tab.view.language
        self._every = 0

    def wire(self, session: gr.State, own: gr.BrowserState, every: Sequence[gr.HTML]) -> None:
        """Connect the components; `own` are the visitor's looks, which `every` tab shows."""
        self._every = len(every)
        view, finish = self._view, list(self._view.finish.components)
        gr.on(
            [part.input for part in finish], self._tab.refinish, [session, *finish], self._tab.refinished,
            trigger_mode="always_last", **QUIET, **FINISHING,
        )  # fmt: skip
        gr.on(
            [part.release for part in finish], self.settle, [session, *finish], [view.undo, view.redo], **QUIET_NOW,
        )  # fmt: skip
        steps: dict[str, Any] = {"outputs": [*finish, *self._tab.refinished], **EACH, **FINISHING}
        suiting = [view.options[name] for name in self._suiting]
        view.undo.click(self.undo, [session, *finish], **steps)
        view.redo.click(self.redo, [session, *finish], **steps)
        view.reset.click(self.reset, [session, *suiting, *finish], **steps)
        view.looks.select(self.use_look, [session, own, *suiting, *finish], **steps)
        for name, fields in self._suiting.items():
            given = [session, *suiting, *finish]
            on_choice(view.options[name], session, partial(self.suit, fields), given, **steps)
        quick: dict[str, Any] = {"outputs": [own, *every], **QUIET_NOW}
        view.looks.submit(self.keep_look, [own, *finish], **quick)
        view.looks.delete(self.remove_look, own, **quick)

    def settle(self, session: Session, *finish: Any) -> Updates:
        """A slider is let go: undo goes back to what was before; it may have been faster than this event."""
        with shown_errors(self._language):
            present, steps = self._finish(finish), self._steps(session)
            if not steps.is_next(present):
                steps.take(present)
        return self._tab.step_buttons(session)

    def undo(self, session: Session, *finish: Any) -> Updates:
        """The adjustment before."""
        with shown_errors(self._language):
            self._steps(session).take(self._finish(finish))
            return self._show(session, self._steps(session).back())

    def redo(self, session: Session, *finish: Any) -> Updates:
        """The adjustment that was undone."""
        with shown_errors(self._language):
            self._steps(session).take(self._finish(finish))
            return self._show(session, self._steps(session).forward())

    def reset(self, session: Session, *given: Any) -> Updates:
        """The method's own finish."""
        with shown_errors(self._language):
            choices, present = self._parts(given)
            return self._change(session, present, self._own(choices))

    def suit(self, fields: Iterable[str], session: Session, *given: Any) -> Updates:
        """An option was chosen that these fields of the finish depend on."""
        with shown_errors(self._language):
            choices, present = self._parts(given)
            own = self._own(choices)
            suited = present.model_copy(update={name: getattr(own, name) for name in fields})
            return self._change(session, present, suited)

    def use_look(self, session: Session, kept: Any, event: gr.EventData, *given: Any) -> Updates:
        """A look was clicked: one of the visitor's own is a whole finish, another leaves the contrast as it is."""
        with shown_errors(self._language):
            choices, present = self._parts(given)
            asked = sent_with(event)
            named = next((look.finish for look in own_looks(kept) if look.name == asked.get("own")), None)
            return self._change(session, present, named or self._look(asked.get("look"), choices, present))

    def keep_look(self, kept: Any, event: gr.EventData, *finish: Any) -> list[Any]:
        """The present finish gets a name in the visitor's browser."""
        with shown_errors(self._language):
            looks = with_look(own_looks(kept), sent_with(event).get("name"), self._finish(finish))
        return self._kept(looks)

    def remove_look(self, kept: Any, event: gr.EventData) -> list[Any]:
        """One of the visitor's own looks goes."""
        return self._kept(without_look(own_looks(kept), sent_with(event).get("name")))

    def _kept(self, looks: list[OwnLook]) -> list[Any]:
        shown = looks_html(looks, self._language)
        return [[look.model_dump() for look in looks], *[shown] * self._every]

    def _look(self, name: Any, choices: Mapping[str, Any], present: Finish) -> Finish:
        finish = finish_of(self._tab.info, choices, {"look": name})
        return finish.model_copy(update={_OF_THE_PHOTO: getattr(present, _OF_THE_PHOTO)})

    def _change(self, session: Session, present: Finish, wanted: Finish) -> Updates:
        """From the present finish to another, as one step of undo."""
        steps = self._steps(session)
        steps.take(present)
        steps.take(wanted)
        return self._show(session, wanted)

    def _show(self, session: Session, finish: Finish) -> Updates:
        values = {part: getattr(finish, name) for name, part in self._panel.items()}
        return values | self._tab.refinish(session, *values.values())

    def _parts(self, given: Sequence[Any]) -> tuple[dict[str, Any], Finish]:
        """The choices that the method's own finish depends on, and the present finish."""
        choices = dict(zip(self._suiting, given, strict=False))
        return choices, self._finish(given[len(choices) :])

    def _finish(self, values: Sequence[Any]) -> Finish:
        return validated(Finish, self._view.finish.values(values))

    def _own(self, choices: Mapping[str, Any]) -> Finish:
        return finish_of(self._tab.info, choices, {})

    def _steps(self, session: Session) -> Steps:
        return session.tab(self._tab.info).steps

    @cached_property
    def _panel(self) -> dict[str, gr.components.Component]:
        return {entry.name: self._view.finish[entry.name] for entry in self._view.finish.entries}

    @cached_property
    def _suiting(self) -> dict[str, set[str]]:
        """The options by whose choices the method's finish changes, and the fields that change."""
        return {
            entry.name: {name for suited in entry.finish.values() for name in suited}
            for entry in self._view.options.entries
            if entry.finish
        }


def wire_adjusting(tabs: Sequence[TabHandlers], page: gr.Blocks, session: gr.State) -> None:
    """Connect what adjusts the colours of every tab, and the visitor's own looks, which come from the browser."""
    own, chips = kept_looks(), [tab.view.looks for tab in tabs]
    for tab in tabs:
        Adjust(tab).wire(session, own, chips)
    language = tabs[0].view.language
    page.load(
        lambda kept: [looks_html(own_looks(kept), language)] * len(chips), own, chips, **QUIET_NOW,
    )  # fmt: skip
