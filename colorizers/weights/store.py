"""The weights on this machine: where they are found, what they must be, and their hashes.

A key such as "stable_diffusion/sd15" names an entry of the registry. Where that is a folder, the key of a part names
one of its subfolders: "stable_diffusion/sd15/unet".
"""

import functools
import hashlib
import math
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import safetensors
from torch import nn

from colorizers import assets
from colorizers.errors import ColorizerError
from colorizers.settings import Settings
from colorizers.weights import downloads
from colorizers.weights.folders import TEXTS, check_model, lacking, used_files
from colorizers.weights.hub import SUFFIXES, HuggingFace
from colorizers.weights.loading import check_fetched, check_fit, read_state
from colorizers.weights.registry import DEPTH, DOWNLOAD, OWN, Weights
from colorizers.words import Text

SHIPPED_DIR = assets.WEIGHTS
MANIFEST = "SHA256SUMS"
REPOSITORY = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)
"""The name of a repository on the hub: OWNER/NAME."""
_FILES = (*SUFFIXES, ".ckpt")


@dataclass(frozen=True)
class WeightsStatus:
    """An entry on this machine; `path` is None when it is not installed. Folders show no hash."""

    weights: Weights
    path: Path | None
    megabytes: float
    sha256: str


@dataclass(frozen=True)
class WeightStore:
    """The weights that one engine may use. It never changes: `with_file`, `with_model` ... give another store.

    `registry` holds every entry by its key. `places` are the folders that are searched, in this order, and then
    `downloads`. `own_files` are files and folders of the user's own, by key; they come before all others.
    """

    registry: Mapping[str, Weights] = field(default_factory=dict)
    places: tuple[Path, ...] = ()
    downloads: Path = Path("downloads")
    own_files: Mapping[str, Path] = field(default_factory=dict)

    def keys_of(self, family: str) -> list[str]:
        """The keys whose first part is `family`: the weights of one method."""
        return [key for key in self.registry if key.partition("/")[0] == family]

    def key_of(self, name: str) -> str:
        """The key that a name means: all of it, also with _ for /, or its last part where no other key ends so."""
        fits = [key for key, entry in self.registry.items() if name in (key, key.replace("/", "_"), entry.name)]
        if not fits:
            raise ColorizerError(Text("weights.unknown", name=name[:40]))
        if len(fits) > 1:
            raise ColorizerError(Text("weights.ambiguous", name=name, keys=fits))
        return fits[0]

    def entry(self, key: str) -> Weights:
        """The entry of a key or of a part's key; KeyError when there is none."""
        return self._split(key)[0]

    def knows(self, key: str) -> bool:
        """Whether a key is one of an entry or of a part."""
        try:
            self._split(key)
        except KeyError:
            return False
        return True

    def _split(self, key: str) -> tuple[Weights, str]:
        """The entry of a key, and which of its folders is meant, "" for all of them."""
        if key in self.registry:
            return self.registry[key], ""
        whole, _, part = key.rpartition("/")
        if part and part in self.registry[whole].folders:
            return self.registry[whole], part
        raise KeyError(key)

    def with_file(self, key: str, path: Path) -> "WeightStore":
        """The store with a local file or folder in the place of the weights of `key`."""
        if folders := self.registry[key].folders:
            check_model(path, folders)
        elif not path.is_file():
            raise ColorizerError(Text("weights.no-file", path=path))
        return replace(self, own_files={**self.own_files, key: path.absolute() if path.is_dir() else path})

    def with_model(self, name: str) -> "WeightStore":
        """The store with a Stable Diffusion model of the user's own: a path, or a repository that was downloaded."""
        return self._with(OWN, name, "--model")

    def with_controlnet(self, name: str, key: str = DEPTH) -> "WeightStore":
        """As `with_model`, for a ControlNet; it takes the place of the one of `key`."""
        return self._with(key, name, "--controlnet")

    def _with(self, key: str, name: str, flag: str) -> "WeightStore":
        if name and os.path.exists(name):  # noqa: PTH110 - Path's own fails for what no file can be called
            return self.with_file(key, Path(name))
        if not REPOSITORY.fullmatch(name) or name.endswith(_FILES):
            raise ColorizerError(Text("weights.no-model", name=name, flag=flag))
        entry = replace(self.registry[key], hub=HuggingFace(name), licence=Text("licence.hub"), megabytes=0, flag=flag)
        others = {other: path for other, path in self.own_files.items() if other != key}
        return replace(self, registry={**self.registry, key: entry}, own_files=others)

    def find(self, key: str) -> Path | None:
        """The file or folder of a key; of a part the subfolder, or the file that the whole model is."""
        entry, part = self._split(key)
        path = self._whole(entry)
        return path / part if path is not None and path.is_dir() else path

    def _whole(self, entry: Weights) -> Path | None:
        if entry.key in self.own_files:
            return self.own_files[entry.key]
        places = (*self.places, self.downloads)
        if entry.folders:
            folders = (place / entry.stem for place in places)
            return next((folder for folder in folders if not lacking(folder, entry.folders)), None)
        paths = (place / f"{entry.stem}{suffix}" for place in places for suffix in SUFFIXES)
        return next((path for path in paths if path.is_file()), None)

    def has(self, key: str) -> bool:
        """Whether the weights of a key can be used without a download."""
        return self.find(key) is not None

    def missing(self, keys: Iterable[str]) -> list[Weights]:
        """Those weights that are not installed; keys of models that have no weights are passed over."""
        return list(dict.fromkeys(self.entry(key) for key in keys if self.knows(key) and not self.has(key)))

    def ready(self, key: str) -> tuple[Path, str]:
        """The file or folder of a key and its sha256, after the hash of every file that is used has been checked.

        Raises ColorizerError when it is not installed or not what it must be.
        """
        path = self.find(key)
        if path is None:
            raise missing_weights([self.entry(key)])
        self.check(key)
        return path, self._hash_of(key, path)

    def expected_bytes(self, key: str) -> int:
        """About what the network of a key takes in float32, as its file says; 0 where that cannot be known."""
        path = self.find(key) if self.knows(key) else None
        if path is None or (path.is_file() and key.count("/") > 1):  # a part of one file
            return 0
        files = [file for file in used_files(path, ("",)) if file.suffix not in TEXTS]
        try:
            return sum(
                4 * _numbers_in(file) if file.suffix == ".safetensors" else file.stat().st_size for file in files
            )
        except (OSError, safetensors.SafetensorError):  # loading it will say so in words
            return 0

    def hashes(self, keys: Iterable[str]) -> dict[str, str]:
        """The sha256 of what is behind keys; models without weights, and weights not installed, are left out."""
        paths = {key: self.find(key) for key in keys if self.knows(key)}
        return {key: self._hash_of(key, path) for key, path in paths.items() if path is not None}

    def _hash_of(self, key: str, path: Path) -> str:
        entry, part = self._split(key)
        return sha256(path, ("",) if part else entry.folders)

    def listing(self) -> list[WeightsStatus]:
        """The whole registry as it stands on this machine."""
        return [self._status(entry) for entry in self.registry.values()]

    def _status(self, entry: Weights) -> WeightsStatus:
        path = self._whole(entry)
        if path is None:
            return WeightsStatus(entry, None, 0.0, "")
        size = sum(file.stat().st_size for file in used_files(path, entry.folders))
        return WeightsStatus(entry, path, size / 1e6, "" if entry.folders else sha256(path))

    def check(self, key: str) -> None:
        """Raise ColorizerError unless the weights of a key, where they are installed, are what they must be.

        Downloads must be in the lock of their folder, and shipped files in a manifest; a folder of the user's own may
        have a manifest. Of a part only its own files are checked.
        """
        entry, part = self._split(key)
        path = self._whole(entry)
        if path is None:
            return
        folders = (part,) if part else entry.folders
        place = path.parent
        for file in used_files(path, folders):
            check_fetched(file)
        found = {file.relative_to(place).as_posix(): _file_hash(file) for file in used_files(path, folders)}
        if place == self.downloads:
            _check_download(entry, found, path, folders)
        elif (place / MANIFEST).exists() or place == SHIPPED_DIR:
            _check_manifest(place / MANIFEST, found)


@dataclass(frozen=True)
class WeightReader:
    """Reads weights for one model, and keeps the sha256 of all that it has read, by key: the model's provenance."""

    store: WeightStore
    hashes: dict[str, str] = field(default_factory=dict)

    def path(self, key: str) -> Path:
        """As `WeightStore.ready`, the path alone."""
        path, self.hashes[key] = self.store.ready(key)
        return path

    def load_into(self, network: nn.Module, key: str) -> nn.Module:
        """Fill a network with the weights of `key`, strictly, after the file's hash has been checked.

        Only what the registry says is unused is left out. Raises ColorizerError when the file is not installed,
        differs from its hash, or does not fit the network.
        """
        path = self.path(key)
        unused = self.store.entry(key).unused
        state = {name: tensor for name, tensor in read_state(path).items() if not name.startswith(unused)}
        check_fit(network, state, path)
        network.load_state_dict(state)
        return network


def make_store(registry: Mapping[str, Weights], settings: Settings) -> WeightStore:
    """The store that the settings describe: COLORIZERS_WEIGHTS_DIR, weights/, the cache, a model, a ControlNet."""
    places = [place for place in (settings.weights_dir, SHIPPED_DIR) if place is not None]
    store = WeightStore(registry, tuple(places), settings.cache_dir / "weights")
    if settings.model:
        store = store.with_model(settings.model)
    if settings.controlnet:
        store = store.with_controlnet(settings.controlnet)
    return store


def missing_weights(entries: Iterable[Weights]) -> ColorizerError:
    """Which weights are not installed, and how to get them; visitors, who have no command line, know whom to ask."""
    entries = list(entries)
    download = " ".join(entry.argument for entry in entries if entry.hub)
    ways = [entry.how_to_get for entry in entries if not entry.hub]
    if download:
        ways.append(Text("weights.download", command=f"{DOWNLOAD} {download}"))
    listed = functools.reduce(lambda first, second: Text("lists.and", first=first, second=second), dict.fromkeys(ways))
    return ColorizerError(
        Text("weights.missing", names=[entry.shown for entry in entries], ways=listed),
        for_visitors=Text("weights.missing-for-visitors", names=[entry.shown_to_visitors for entry in entries]),
    )


def sha256(path: Path, folders: tuple[str, ...] = ("",)) -> str:
    """The hash of a file, or of a folder: of the lines that sha256sum prints of the files that are used, sorted.

    Each file is read once as long as it is not changed.
    """
    if path.is_file():
        return _file_hash(path)
    lines = sorted(f"{_file_hash(file)}  {file.relative_to(path).as_posix()}\n" for file in used_files(path, folders))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _file_hash(path: Path) -> str:
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


@functools.lru_cache
def _digest(path: Path, size: int, changed: int) -> str:
    return downloads.digest(path)


def _numbers_in(path: Path) -> int:
    with safetensors.safe_open(path, "pt") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


def _check_manifest(manifest: Path, found: dict[str, str]) -> None:
    lines = manifest.read_text().splitlines() if manifest.exists() else []
    listed = {tuple(line.replace("*", "").split()) for line in lines}
    for name, digest in sorted(found.items()):
        if (digest, name) not in listed:
            raise ColorizerError(Text("weights.not-in-manifest", name=name, manifest=MANIFEST))


def _check_download(entry: Weights, found: dict[str, str], path: Path, folders: tuple[str, ...]) -> None:
    try:
        promised = _promised(path, folders)
    except ColorizerError as error:  # the lock cannot be read; where it is, is no visitor's business
        raise ColorizerError(
            Text("weights.cannot-check", name=entry.called, lock=path.parent / downloads.LOCK),
            for_visitors=Text("weights.cannot-check-for-visitors", name=entry.called),
        ) from error
    for name, _ in sorted(found.items() ^ promised.items()):
        way = entry.how_to_get if entry.hub else Text("weights.delete-from-cache")
        raise ColorizerError(
            Text("weights.changed", name=name, way=way), for_visitors=Text("weights.changed-for-visitors", name=name)
        )


def _promised(path: Path, folders: tuple[str, ...]) -> dict[str, str]:
    """What the lock says of the files of a download: their names from its folder on, and hashes."""
    pins = downloads.pins(path.parent)
    if path.is_file():
        return {path.name: pins[path.stem].sha256} if path.stem in pins else {}
    inside = {PurePosixPath(path.name, folder) for folder in folders}
    return {name: pin.sha256 for name, pin in pins.items() if PurePosixPath(name).parent in inside}
