"""What follows when the photo changes: what runs ends, the tabs are cleared, and the photo is coloured by itself."""

from dataclasses import dataclass
from functools import partial

import gradio as gr

from colorizers.web.automatic import Automatic
from colorizers.web.files import OPENING
from colorizers.web.gradio_io import EACH, QUIET, QUIET_NOW
from colorizers.web.handlers import TabHandlers
from colorizers.web.hint_tool import HintTool
from colorizers.web.photo_section import PhotoSection
from colorizers.web.recall import Recall
from colorizers.web.session import Session
from colorizers.web.tab import Updates
from colorizers.words import Text

_TURNED = Text("status.turned")


@dataclass(frozen=True, eq=False)
class PhotoHandlers:
    """The handlers of a photo that comes, is turned or comes back, and all that they change.

    What runs sees that its photo has gone, so that a file that is refused ends nothing; what waits to run is cancelled
    where the photo changes for sure. A picture that was made here is asked about first.
    """

    photo: PhotoSection
    workspace: gr.Column
    tabs: list[TabHandlers]
    automatic: Automatic
    recall: Recall
    hint_tool: HintTool
    session: gr.State

    @property
    def outputs(self) -> list[gr.blocks.Block]:
        """What another photo changes; few events have all of it, as Gradio's page looks through it for each update."""
        parts = [*self.automatic.outputs, *self.recall.notice.outputs]
        parts += [part for tab in self.tabs for part in tab.outputs]
        return [self.session, self.workspace, self.hint_tool.known, *self.photo.outputs, *dict.fromkeys(parts)]

    def wire(self, recalled: gr.events.Dependency) -> None:
        """Connect the photo's section; `recalled` is the event that brings settings for the photo."""
        photo = self.photo
        for event in (*self._wire_files(), *self._wire_buttons(), recalled):
            self.automatic.start_after(event, self.session)
        sights = [photo.start, photo.bar, self.workspace, photo.back]
        photo.another.click(photo.start_again, None, sights, **QUIET_NOW)
        photo.back.click(photo.stay, None, sights, **QUIET_NOW)

    def _wire_files(self) -> list[gr.events.Dependency]:
        photo, session, outputs = self.photo, self.session, self.outputs
        came = [photo.upload.upload(self.take_upload, [session, photo.upload], outputs, **QUIET, **OPENING)]
        if photo.gallery is not None:
            came.append(photo.gallery.select(self.take_example, session, outputs, **QUIET, **OPENING))
        for event in came:
            event.failure(lambda: None, None, photo.upload, **QUIET_NOW)
        return came

    def _wire_buttons(self) -> list[gr.events.Dependency]:
        photo, notice, outputs = self.photo, self.recall.notice, self.outputs
        turns = {photo.left: partial(self.turn, 1), photo.right: partial(self.turn, -1)}
        clicks = turns | {notice.anew: self.take_offered}
        settings = {photo.earlier: self.go_back, notice.use: self.use_offered}
        all_outputs = list(dict.fromkeys([*outputs, *self.recall.outputs]))
        came = [button.click(act, self.session, outputs, **EACH, **OPENING) for button, act in clicks.items()]
        came += [button.click(act, self.session, all_outputs, **EACH, **OPENING) for button, act in settings.items()]
        sure = [button.click for button in clicks | settings]
        if photo.gallery is not None:
            sure.append(photo.gallery.select)
        gr.on(sure, None, cancels=[job for tab in self.tabs for job in tab.jobs], **QUIET_NOW)
        return came

    def take_upload(self, now: Session, path: str) -> Updates:
        """A file was dropped."""
        question = self.recall.ask_about(now, path)
        if question is not None:
            return {self.session: now, self.photo.upload: None, **question}
        self.photo.take_upload(now, path)
        return self._arrived(now)

    def take_example(self, now: Session, event: gr.EventData) -> Updates:
        """A shipped photo was selected."""
        self.photo.take_example(now, event)
        return self._arrived(now)

    def take_offered(self, now: Session) -> Updates:
        """The picture that was made here is coloured like any other."""
        self.photo.take_upload(now, str(now.offered))
        return self._arrived(now)

    def use_offered(self, now: Session) -> Updates:
        """The settings of the picture that was made here are wanted; it becomes the photo where there is none."""
        used = self.recall.use_offered(now)
        return used if now.on_page is not None else self.take_offered(now) | used

    def turn(self, quarter_turns: int, now: Session) -> Updates:
        """Turn the photo counter-clockwise."""
        self.photo.turn(now, quarter_turns)
        return self._shown(now, stay=True) | self._in_sight(now)

    def go_back(self, now: Session) -> Updates:
        """The photo before, with its results and finishes."""
        self.photo.go_back(now)
        finishes = {part: update for tab in self.tabs for part, update in tab.finish_values(now).items()}
        return self._shown(now, stay=True, said=Text("status.earlier")) | finishes | self._in_sight(now)

    def _arrived(self, now: Session) -> Updates:
        stay, now.stays = now.stays, False
        return self._shown(now, stay) | self.recall.notice.gone()

    def _shown(self, now: Session, stay: bool, said: Text = _TURNED) -> Updates:
        """The page for the session's photo; `said` is why colours are there already."""
        cleared = {part: update for tab in self.tabs for part, update in tab.blank(now, said).items()}
        now.deep = now.shown.photo.bits == 16
        begun = self.automatic.begin(now, stay)
        told = self.photo.updates(now) | self.hint_tool.updates(now)
        return {self.session: now, self.workspace: gr.Column(elem_classes=""), **told, **cleared, **begun}

    def _in_sight(self, now: Session) -> Updates:
        """The picture of the visible tab."""
        return next((tab.look(now) for tab in self.tabs if tab.info.name == now.open), {})
