"""What can be downloaded for a key of the registry, and downloading it: the same for the command and for the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from colorizers.errors import ColorizerError
from colorizers.weights.downloads import Published, Watch, fetch, fetch_folder, unwatched
from colorizers.weights.registry import Weights
from colorizers.weights.store import WeightStore
from colorizers.words import Text


@dataclass(frozen=True)
class Offer:
    """Weights that are published, their files by the names under which they are kept, and where they will lie."""

    weights: Weights
    files: Mapping[str, Published]
    target: Path

    @property
    def size(self) -> float:
        """About how many bytes they have."""
        return sum(file.size for file in self.files.values())

    def fetch(self, watch: Watch = unwatched) -> None:
        """Download what is not here yet; see `downloads.fetch`."""
        if self.weights.folders:
            fetch_folder(self.files, self.target, watch)
        else:
            fetch(self.files[self.target.name], self.target, watch)


def offer(key: str, store: WeightStore) -> Offer | None:
    """What is to be downloaded for a key, None when its weights are installed and whole.

    Raises ColorizerError when their publisher cannot be asked, or when damaged weights lie where no download would
    replace them.
    """
    entry, path, damage = store.entry(key), store.find(key), _damage(key, store)
    if path is not None and damage is None:
        return None
    if entry.hub is None:  # a model of the user's own is installed, so that it is here for its damage alone
        assert damage is not None
        raise damage
    files = entry.hub.published(store.downloads, entry.stem, entry.folders)
    target = store.downloads / (entry.stem if entry.folders else next(iter(files)))
    if path is not None and path != target:
        raise ColorizerError(Text("weights.damaged", path=path))
    return Offer(entry, files, target)


def _damage(key: str, store: WeightStore) -> ColorizerError | None:
    """What is wrong with installed weights, None if nothing is."""
    try:
        store.check(key)
    except ColorizerError as error:
        return error
    return None
