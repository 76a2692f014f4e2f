"""Weights on this machine: where they are found, what they must be, their hashes, and strict loading.

A key such as "stable_diffusion/sd15" names an entry of the registry. Where that is a folder, the key of a part names
one of its subfolders: "stable_diffusion/sd15/unet".
"""

import functools
import hashlib
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import safetensors.torch
import torch
from torch import nn

from colorizers import assets, downloads
from colorizers.devices import is_out_of_memory
from colorizers.errors import ColorizerError
from colorizers.hub import SUFFIXES, HuggingFace
from colorizers.model_folder import TEXTS, check_model, lacking, used_files
from colorizers.registry import DOWNLOAD, OWN, REGISTRY, Weights
from colorizers.settings import get_settings

SHIPPED_DIR = assets.WEIGHTS
MANIFEST = "SHA256SUMS"
_DEPTH = "controlnet/depth"
_REPOSITORY = re.compile(r"(?!.*(--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)  # OWNER/NAME
_UNREAD = "as its page on the hub says"
_FILES = (*SUFFIXES, ".ckpt")
_COUNT = "num_batches_tracked"  # of batch norms; old files lack it, and torch fills it in


@dataclass(frozen=True)
class WeightsStatus:
    """Where an entry stands on this machine; `path` is None when it is not here. Folders show no hash."""

    weights: Weights
    path: Path | None
    megabytes: float
    sha256: str


_checkpoints: dict[str, Path] = {}
_loaded: dict[str, str] = {}


def keys_of(family: str) -> list[str]:
    """The keys whose first part is `family`: the weights of one method."""
    return [key for key in REGISTRY if key.partition("/")[0] == family]


def key_of(name: str) -> str:
    """The key that a name means: the whole of it, also with _ for /, or its last part where no other key ends so."""
    fits = [key for key in REGISTRY if name in (key, key.replace("/", "_"), REGISTRY[key].name)]
    if not fits:
        raise ColorizerError(f"There are no weights {name[:40]!r}; colorizers weights list names them all.")
    if len(fits) > 1:
        raise ColorizerError(f"{name} could be {' or '.join(fits)}; give the whole name.")
    return fits[0]


def entry_of(key: str) -> Weights:
    """The entry of a key or of a part's key; KeyError when there is none."""
    return _split(key)[0]


def known(key: str) -> bool:
    """Whether a key is one of an entry or of a part."""
    try:
        _split(key)
    except KeyError:
        return False
    return True


def _split(key: str) -> tuple[Weights, str]:
    """The entry of a key, and which of its folders is meant, "" for all of them."""
    if key in REGISTRY:
        return REGISTRY[key], ""
    whole, _, part = key.rpartition("/")
    if part and part in REGISTRY[whole].folders:
        return REGISTRY[whole], part
    raise KeyError(key)


def use_checkpoint(key: str, path: Path) -> None:
    """For this process, take the weights of `key` from a local file or folder (the command line's --checkpoint)."""
    if folders := REGISTRY[key].folders:
        check_model(path, folders)
    elif not path.is_file():
        raise ColorizerError(f"There is no file {path}; give the path of a .safetensors or .pth file.")
    _checkpoints[key] = path.absolute() if path.is_dir() else path


def use_model(words: str) -> str:
    """For this process, take a model from a path, or from a repository that `weights download` got; gives its key."""
    return _use(OWN, words, "--model")


def use_controlnet(words: str, key: str = _DEPTH) -> str:
    """As `use_model`, for a ControlNet; it takes the place of the one of `key`."""
    return _use(key, words, "--controlnet")


def use_settings() -> None:
    """Take the model and the ControlNet that the settings name, in places that the command line has left free."""
    settings = get_settings()
    for key, words, use in ((OWN, settings.model, use_model), (_DEPTH, settings.controlnet, use_controlnet)):
        if words and key not in _checkpoints and not REGISTRY[key].flag:
            use(words)


def _use(key: str, words: str, flag: str) -> str:
    if words and os.path.exists(words):  # noqa: PTH110 - Path's own fails for what no file can be called
        use_checkpoint(key, Path(words))
    elif _REPOSITORY.fullmatch(words) and not words.endswith(_FILES):
        REGISTRY[key] = replace(REGISTRY[key], hub=HuggingFace(words), licence=_UNREAD, megabytes=0, flag=flag)
        _checkpoints.pop(key, None)
    else:
        raise ColorizerError(f"There is no {words!r}; give {flag} the path of a model or OWNER/NAME on the hub.")
    return key


def find(key: str) -> Path | None:
    """The file or folder of a key: the command line's, then COLORIZERS_WEIGHTS_DIR, weights/ and the cache.

    Of a part it is the subfolder, or the file that the whole model is.
    """
    entry, part = _split(key)
    path = _whole(entry)
    return path / part if path is not None and path.is_dir() else path


def _whole(entry: Weights) -> Path | None:
    if entry.key in _checkpoints:
        return _checkpoints[entry.key]
    places = [place for place in (get_settings().weights_dir, SHIPPED_DIR, downloads_dir()) if place is not None]
    if entry.folders:
        folders = (place / entry.stem for place in places)
        return next((folder for folder in folders if not lacking(folder, entry.folders)), None)
    paths = (place / f"{entry.stem}{suffix}" for place in places for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def here(key: str) -> bool:
    """Whether the weights of a key can be used without a download."""
    return find(key) is not None


def missing(keys: Iterable[str]) -> str:
    """A sentence on those weights that are not here, and how to get them; nothing when all are, or there are none."""
    entries = list(dict.fromkeys(entry_of(key) for key in keys if known(key) and not here(key)))
    if not entries:
        return ""
    names = ", ".join(_named(entry) for entry in entries)
    download = " ".join(entry.argument for entry in entries if entry.hub)
    hows = [f"get them with: {DOWNLOAD} {download}"] if download else []
    hows = [entry.how_to_get for entry in entries if not entry.hub] + hows
    return f"The weights {names} are not here; {_mend(' and '.join(dict.fromkeys(hows)))}."


def _named(entry: Weights) -> str:
    if entry.megabytes:
        return f"{entry.called} ({entry.megabytes} MB)"
    if entry.flag and get_settings().public:
        return entry.name  # what its owner named is no stranger's business
    return entry.called if entry.hub or entry.folders else entry.file


def downloads_dir() -> Path:
    """Where weights from a hub are kept."""
    return get_settings().cache_dir / "weights"


def ready(key: str) -> Path:
    """The file or folder of a key, after the hash of every file that is used has been checked.

    Raises ColorizerError when it is not here or not what it must be. Its hash is remembered for `loaded_hashes`.
    """
    path = find(key)
    if path is None:
        raise ColorizerError(missing([key]))
    if said := damage(key):
        raise ColorizerError(said)
    _loaded[key] = _hash_of(key, path)
    return path


def load_into(network: nn.Module, key: str) -> nn.Module:
    """Fill a network with the weights of `key`, strictly, after the file's hash has been checked.

    Only what the registry says is unused is left out. Raises ColorizerError when the file is not there, differs from
    its hash, or does not fit the network.
    """
    path = ready(key)
    unused = REGISTRY[key].unused
    state = {name: tensor for name, tensor in read_state(path).items() if not name.startswith(unused)}
    check_fit(network, state, path)
    network.load_state_dict(state)
    return network


def expected_bytes(key: str) -> int:
    """About what the network of a key takes in float32, as its file says; 0 where that cannot be known beforehand."""
    path = find(key) if known(key) else None
    if path is None or (path.is_file() and key.count("/") > 1):  # a part of one file
        return 0
    files = [file for file in used_files(path, ("",)) if file.suffix not in TEXTS]
    try:
        return sum(4 * _numbers_in(file) if file.suffix == ".safetensors" else file.stat().st_size for file in files)
    except (OSError, safetensors.SafetensorError):  # loading it will say so in words
        return 0


def _numbers_in(path: Path) -> int:
    with safetensors.safe_open(path, "pt") as file:
        return sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118


def loaded_hashes(keys: list[str]) -> dict[str, str]:
    """The sha256 of the files that were loaded for keys; models that come without a weights file are left out."""
    return {key: _loaded[key] for key in keys if key in _loaded}


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors file or of a published .pth, alone or as its `params`; code is never run."""
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a broken file reaches every corner of the unpickler
        if is_out_of_memory(error):
            raise
        raise ColorizerError(f"{path.name} is damaged or holds more than tensors; get the file again.") from error
    if isinstance(state, dict) and isinstance(state.get("params"), dict):
        state = state["params"]
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ColorizerError(f"{path.name} is not a table of tensors; give the state dict of the network.")
    return state


def read_header(path: Path) -> dict[str, str]:
    """What a .safetensors file says of itself, by name: for ours, how it was trained."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return dict(file.metadata() or {})
    except (OSError, safetensors.SafetensorError) as error:
        raise ColorizerError(f"{path.name} is damaged or no .safetensors file; get the file again.") from error


@functools.lru_cache
def _digest(path: Path, size: int, changed: int) -> str:
    return downloads.digest(path)


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


def _hash_of(key: str, path: Path) -> str:
    entry, part = _split(key)
    return sha256(path, ("",) if part else entry.folders)


def hashes(keys: list[str]) -> dict[str, str]:
    """The sha256 of what is behind keys; models that come without weights are left out."""
    paths = {key: find(key) for key in keys if known(key)}
    return {key: _hash_of(key, path) for key, path in paths.items() if path is not None}


def listing() -> list[WeightsStatus]:
    """The whole registry as it stands on this machine."""
    return [_status(entry) for entry in REGISTRY.values()]


def _status(entry: Weights) -> WeightsStatus:
    path = _whole(entry)
    if path is None:
        return WeightsStatus(entry, None, 0.0, "")
    size = sum(file.stat().st_size for file in used_files(path, entry.folders))
    return WeightsStatus(entry, path, size / 2**20, "" if entry.folders else sha256(path))


def _mend(how: str) -> str:
    """What to do; a stranger, who has no command line here, is told whom to ask."""
    return "ask whoever runs this server for them" if get_settings().public else how


def damage(key: str) -> str:
    """What is wrong with the weights of a key, in a sentence; nothing when they are what the lock or manifest says.

    Downloads must be in the lock of their folder, and shipped files in a manifest; a folder of the user's own may
    have a manifest. Of a part only its own files are looked at.
    """
    entry, part = _split(key)
    path = _whole(entry)
    if path is None:
        return ""
    folders = (part,) if part else entry.folders
    place = path.parent
    found = {file.relative_to(place).as_posix(): _file_hash(file) for file in used_files(path, folders)}
    if place == downloads_dir():
        try:
            return _changed(entry, found, _promised(path, folders))
        except ColorizerError as error:  # the lock cannot be read; where it is, is no stranger's business
            return f"The weights {entry.called} cannot be checked; {_mend(str(error))}."
    manifest = place / MANIFEST
    if not manifest.exists() and place != SHIPPED_DIR:
        return ""
    lines = manifest.read_text().splitlines() if manifest.exists() else []
    listed = {tuple(line.replace("*", "").split()) for line in lines}
    strange = next((name for name, digest in sorted(found.items()) if (digest, name) not in listed), "")
    return strange and f"{strange} is not the file that {MANIFEST} names; get it again."


def _promised(path: Path, folders: tuple[str, ...]) -> dict[str, str]:
    """What the lock says of the files of a download: their names from its folder on, and hashes."""
    pins = downloads.pins(path.parent)
    if path.is_file():
        return {path.name: pins[path.stem].sha256} if path.stem in pins else {}
    inside = {PurePosixPath(path.name, folder) for folder in folders}
    return {name: pin.sha256 for name, pin in pins.items() if PurePosixPath(name).parent in inside}


def _changed(entry: Weights, found: dict[str, str], promised: dict[str, str]) -> str:
    strange = sorted(name for name, _ in found.items() ^ promised.items())
    mend = entry.how_to_get if entry.hub else "delete that file from the cache"
    return f"The weights in {strange[0]} are not what was downloaded; {_mend(mend)}." if strange else ""


def check_fit(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
    """Raise ColorizerError unless the tensors are those of the network, by name and by shape."""
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in state.items()}
    wrong = {
        "missing": sorted(n for n in expected.keys() - found.keys() if not n.endswith(_COUNT)),
        "unknown": sorted(found.keys() - expected.keys()),
        "of another shape": sorted(n for n in expected.keys() & found.keys() if expected[n] != found[n]),
    }
    said = [
        f"{', '.join(names[:3])}{' ...' if len(names) > 3 else ''} {what}" for what, names in wrong.items() if names
    ]
    if said:
        raise ColorizerError(f"{path.name} does not fit this network: {'; '.join(said)}.")
