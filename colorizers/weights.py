"""The registry of weights: what exists, where it is found, its hash, its licence, and strict loading."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import nn

from colorizers import downloads
from colorizers.errors import ColorizerError
from colorizers.hub import SUFFIXES, Hub, HuggingFace, Torchvision
from colorizers.settings import PROJECT, get_settings

SHIPPED_DIR = PROJECT / "weights"
MANIFEST = "SHA256SUMS"
_COUNT = "num_batches_tracked"  # of batch norms; old files lack it, and torch fills it in


@dataclass(frozen=True)
class Weights:
    """One entry of the registry; `key` is what a method leases.

    Those that are not shipped are published on a `hub`, of so many `megabytes` (10^6 bytes). Tensors whose names begin
    with one of `unused` belong to parts that our network does without.
    """

    key: str
    licence: str
    hub: Hub | None = None
    megabytes: int = 0
    unused: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the key."""
        return self.key.rpartition("/")[2]

    @property
    def file(self) -> str:
        """The file that is looked for; one from a hub may have another suffix."""
        return f"{self.key.replace('/', '_')}.safetensors"

    @property
    def how_to_get(self) -> str:
        """What to do when the file is not here, as the end of a sentence."""
        if self.hub:
            return f"get them with: python -m colorizers weights download {self.name}"
        return f"put them into {SHIPPED_DIR.name}/"


@dataclass(frozen=True)
class WeightsStatus:
    """Where an entry stands on this machine; `path` is None when it is not here."""

    weights: Weights
    path: Path | None
    megabytes: float
    sha256: str


_OURS = "Apache-2.0; trained on photographs for research, see the card"
_IMAGENET = "BSD-3-Clause, as torchvision's code; trained on ImageNet, whose own terms may apply"
_SHIPPED = (
    "unet/mobilenet", "unet/lab", "unet/rgb", "cnn/bins", "resnet_unet/lab", "gan/resnet", "gan/unet",
    "transformer/small", "multicolor/lab_hsv_yuv", "diffusion/ab", "adain/lab", "adain/rgb", "style/compact",
)  # fmt: skip
_PUBLISHED = (
    Weights("transformer/ddcolor_tiny", "Apache-2.0", HuggingFace("piddnad/ddcolor_paper_tiny"), 220),
    Weights("transformer/ddcolor_large", "Apache-2.0", HuggingFace("piddnad/ddcolor_modelscope"), 912),
    Weights("transformer/ddcolor_artistic", "Apache-2.0", HuggingFace("piddnad/ddcolor_artistic"), 912),
    Weights("style/vgg19", _IMAGENET, Torchvision("VGG19_Weights.IMAGENET1K_V1"), 575, ("classifier.",)),
    Weights("style/resnet34", _IMAGENET, Torchvision("ResNet34_Weights.IMAGENET1K_V1"), 87, ("fc.",)),
    Weights("style/swin_b", _IMAGENET, Torchvision("Swin_B_Weights.IMAGENET1K_V1"), 352, ("norm.", "head.")),
)
REGISTRY = {entry.key: entry for entry in (*(Weights(key, _OURS) for key in _SHIPPED), *_PUBLISHED)}

_checkpoints: dict[str, Path] = {}
_loaded: dict[str, str] = {}


def keys_of(family: str) -> list[str]:
    """The keys whose first part is `family`: the weights of one method."""
    return [key for key in REGISTRY if key.partition("/")[0] == family]


def key_of(name: str) -> str:
    """The key that a name means: the whole of it, or its last part where no other key ends so."""
    fits = [key for key in REGISTRY if name in (key, REGISTRY[key].name)]
    if not fits:
        raise ColorizerError(f"There are no weights {name[:40]!r}; python -m colorizers weights list names them all.")
    if len(fits) > 1:
        raise ColorizerError(f"{name} could be {' or '.join(fits)}; give the whole name.")
    return fits[0]


def use_checkpoint(key: str, path: Path) -> None:
    """For this process, take the weights of `key` from a local file (the command line's --checkpoint)."""
    if not path.is_file():
        raise ColorizerError(f"There is no file {path}; give the path of a .safetensors or .pth file.")
    _checkpoints[key] = path


def find(key: str) -> Path | None:
    """The file of an entry: the command line's, then COLORIZERS_WEIGHTS_DIR, weights/ and the cache."""
    if key in _checkpoints:
        return _checkpoints[key]
    stem = Path(REGISTRY[key].file).stem
    folders = (get_settings().weights_dir, SHIPPED_DIR, downloads_dir())
    paths = (folder / f"{stem}{suffix}" for folder in folders if folder is not None for suffix in SUFFIXES)
    return next((path for path in paths if path.is_file()), None)


def here(key: str) -> bool:
    """Whether the weights of a key can be used without a download."""
    return find(key) is not None


def downloads_dir() -> Path:
    """Where weights from a hub are kept."""
    return get_settings().cache_dir / "weights"


def load_into(network: nn.Module, key: str) -> nn.Module:
    """Fill a network with the weights of `key`, strictly, after the file's hash has been checked.

    Only what the registry says is unused is left out. Raises ColorizerError when the file is not there, differs from
    its hash, or does not fit the network.
    """
    entry, path = REGISTRY[key], find(key)
    if path is None:
        raise ColorizerError(_missing(entry))
    if said := damage(entry, path):
        raise ColorizerError(said)
    state = {name: tensor for name, tensor in read_state(path).items() if not name.startswith(entry.unused)}
    _check_fit(network, state, path)
    network.load_state_dict(state)
    _loaded[key] = sha256(path)
    return network


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


def sha256(path: Path) -> str:
    """The hash of a file, computed once as long as the file is not changed."""
    stat = path.stat()
    return _digest(path, stat.st_size, stat.st_mtime_ns)


def hashes(keys: list[str]) -> dict[str, str]:
    """The sha256 of the files behind keys; models that come without a weights file are left out."""
    paths = {key: find(key) for key in keys if key in REGISTRY}
    return {key: sha256(path) for key, path in paths.items() if path is not None}


def listing() -> list[WeightsStatus]:
    """The whole registry as it stands on this machine."""
    return [_status(entry) for entry in REGISTRY.values()]


def _status(entry: Weights) -> WeightsStatus:
    path = find(entry.key)
    if path is None:
        return WeightsStatus(entry, None, 0.0, "")
    return WeightsStatus(entry, path, path.stat().st_size / 2**20, sha256(path))


def _missing(entry: Weights) -> str:
    name = f"{entry.name} ({entry.megabytes} MB)" if entry.hub else entry.file
    return f"The weights {name} are not here; {_mend(entry.how_to_get)}."


def _mend(how: str) -> str:
    """What to do; a stranger, who has no command line here, is told whom to ask."""
    return "ask whoever runs this server for them" if get_settings().public else how


def damage(entry: Weights, path: Path) -> str:
    """What is wrong with the file of an entry, in a sentence; nothing when it is what the lock or the manifest says.

    Downloads must be in the lock of their folder, and shipped files in a manifest; a folder of the user's own may
    have a manifest.
    """
    if path.parent == downloads_dir():
        pin = downloads.pins(path.parent).get(path.stem)
        if pin is not None and pin.sha256 == sha256(path):
            return ""
        mend = entry.how_to_get if entry.hub else "delete that file from the cache"
        return f"The weights in {path.name} are not what was downloaded; {_mend(mend)}."
    manifest = path.parent / MANIFEST
    if not manifest.exists() and path.parent != SHIPPED_DIR:
        return ""
    lines = manifest.read_text().splitlines() if manifest.exists() else []
    known = [sha256(path), path.name] in [line.replace("*", "").split() for line in lines]
    return "" if known else f"{path.name} is not the file that {MANIFEST} names; get it again."


def _check_fit(network: nn.Module, state: dict[str, torch.Tensor], path: Path) -> None:
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
