"""What brings settings back to the page: the address, a picture that was made here, the browser's history."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from colorizers.errors import ColorizerError
from colorizers.picture.finish import Finish
from colorizers.picture.naming import shown_name
from colorizers.web import markup
from colorizers.web.gradio_io import QUIET, QUIET_NOW, sent_with, shown_errors
from colorizers.web.handlers import FINISHING, TabHandlers
from colorizers.web.jobs import JobView, Phase
from colorizers.web.notice import Notice, offer, record_in
from colorizers.web.session import Session
from colorizers.web.settings_given import Settings, address, of_address, of_record, of_sent, said, understood
from colorizers.web.tab import Updates
from colorizers.words import Text

_SET_ADDRESS = """(settings) => {
    history.replaceState(null, "", `#${settings}`);
    navigator.clipboard?.writeText(location.href).catch(() => {});
}"""


class Recall:
    """Puts settings that come back into their tab, which it opens."""

    def __init__(self, tabs: Sequence[TabHandlers], row: gr.Tabs, notice: Notice) -> None:
        self._tabs = {tab.info.name: tab for tab in tabs}
        self._row = row
        self.notice = notice

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What settings change."""
        parts = [part for tab in self._tabs.values() for part in (*tab.inputs, *tab.outputs)]
        return list(dict.fromkeys([self._row, *self.notice.outputs, *parts]))

    def wire(self, session: gr.State) -> gr.events.Dependency:
        """Connect the links and the line itself; gives the event after which a photo may be coloured."""
        self.notice.close.click(self.notice.gone, None, self.notice.row, **QUIET_NOW)
        for tab in self._tabs.values():
            view = tab.view
            linked = view.link.click(partial(self.link, tab), [*tab.inputs], [view.linked, view.status], **QUIET_NOW)
            linked.success(None, view.linked, js=_SET_ADDRESS, api_visibility="private")
        return self.notice.sent.submit(self.from_browser, session, [session, *self.outputs], **QUIET, **FINISHING)

    def from_address(self, session: Session, fragment: Any) -> Updates:
        """The settings in an address, or none."""
        settings = of_address(fragment)
        return {self.notice.row: gr.skip()} if settings is None else self._take(session, settings)

    def from_browser(self, session: Session, event: gr.EventData) -> Updates:
        """The page was opened by a link to settings, or those of a picture that the browser has kept are asked for."""
        sent = sent_with(event)
        if "address" in sent:
            return self.from_address(session, sent["address"])
        with shown_errors(self.notice.language):
            return self._take(session, of_sent(sent.get("record")))

    def ask_about(self, session: Session, path: str) -> Updates | None:
        """What to do with a file that was dropped, if it was made here; None for other files."""
        record = record_in(path)
        if record is None:
            return None
        session.offered = session.folder.keep(Path(path))
        tab = self._tabs.get(record.method)
        title = tab.info.title if tab else shown_name(record.method)
        return self.notice.offering(offer(title, path))

    def use_offered(self, session: Session) -> Updates:
        """The settings of the picture that was dropped."""
        with shown_errors(self.notice.language):
            record = record_in(session.offered) if session.offered else None
            if record is None:
                raise ColorizerError(Text("given.no-record"))
            return self._take(session, of_record(record))

    def link(self, tab: TabHandlers, *values: Any) -> Updates:
        """The settings of a tab as they stand in an address."""
        status = markup.status(JobView(Phase.DONE, Text("given.linked")), self.notice.language)
        return {tab.view.linked: address(tab.info.name, tab.view, values), tab.view.status: status}

    def _take(self, session: Session, settings: Settings) -> Updates:
        tab = self._tabs.get(settings.method)
        if tab is None:
            return self.notice.saying(Text("given.no-method", name=shown_name(settings.method) or "?"))
        parts, left_out = understood(settings, tab.view, tab.info.options)
        session.open, session.stays = tab.info.name, True
        session.chosen.clear()
        updates = self.notice.saying(said(tab.info.title, left_out)) | {self._row: gr.Tabs(selected=session.open)}
        if session.on_page is not None:
            updates |= self._begun(session, tab, parts)
        return updates | parts

    def _begun(self, session: Session, tab: TabHandlers, parts: dict[Any, Any]) -> Updates:
        """The photo that is there is coloured with the settings if this is quick; else its colours are adjusted."""
        if tab.info.automatic and not tab.missing():
            others = (name for name in session.coming if name != tab.info.name)
            session.tab(tab.info).job_id, session.coming = "", (tab.info.name, *others)
            return tab.queued()
        entries = tab.view.finish.entries
        components = {entry.name: tab.view.finish[entry.name] for entry in entries}
        given = {name: parts[part] for name, part in components.items() if part in parts}
        finish = Finish(**{**session.tab(tab.info).finish.model_dump(), **given})
        return tab.refinish(session, *(getattr(finish, entry.name) for entry in entries))
