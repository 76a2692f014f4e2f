"""A download of weights that can be followed, and stopped, by whoever asked for it."""

import threading
from collections.abc import Iterator, Sequence

from colorizers.engine.jobs import Heartbeat
from colorizers.errors import Cancelled
from colorizers.methods.method import Step
from colorizers.weights.downloads import Watch
from colorizers.weights.offers import Offer, offer
from colorizers.weights.store import WeightStore
from colorizers.words import Text

_LOOK_EVERY = 0.25  # seconds


def downloading(keys: Sequence[str], store: WeightStore) -> Iterator[Step | Heartbeat]:
    """As `Engine.download`; what has arrived when it is closed is the beginning of the next download."""
    fetching = _Fetching(keys, store)
    fetching.start()
    try:
        while fetching.is_alive():
            fetching.join(_LOOK_EVERY)
            yield fetching.step or Heartbeat()
    finally:
        fetching.stop.set()
    if fetching.error is not None:
        raise fetching.error


class _Fetching(threading.Thread):
    """Downloads one after the other; ends at the next piece that arrives after `stop` was set."""

    def __init__(self, keys: Sequence[str], store: WeightStore) -> None:
        super().__init__(daemon=True)
        self._keys = keys
        self._store = store
        self.stop = threading.Event()
        self.step: Step | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        """As any thread's."""
        try:
            offers = [offered for key in self._keys if (offered := offer(key, self._store)) is not None]
            total, before = sum(offered.size for offered in offers), 0.0
            for offered in offers:
                self._arrived(0, offered, before, total)
                offered.fetch(self._watch(offered, before, total))
                before += offered.size
        except BaseException as error:  # is raised where the download is followed
            self.error = error

    def _watch(self, offered: Offer, before: float, total: float) -> Watch:
        return lambda arrived: self._arrived(arrived, offered, before, total)

    def _arrived(self, arrived: float, offered: Offer, before: float, total: float) -> None:
        if self.stop.is_set():
            raise Cancelled
        done, all_of_it = round((before + arrived) / 1e6), round(total / 1e6)
        text = Text("progress.downloading", name=offered.weights.called, done=done, total=all_of_it)
        self.step = Step(done, all_of_it, text, share=min(1.0, (before + arrived) / total))
