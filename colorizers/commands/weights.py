"""`weights`: what there is, downloads, and how ours were trained, for their cards."""

import argparse
import json
from pathlib import Path

from colorizers.commands.columns import print_columns
from colorizers.commands.outputs import shown
from colorizers.errors import ColorizerError
from colorizers.evaluation import report
from colorizers.methods.catalog import REGISTRY
from colorizers.settings import get_settings
from colorizers.weights import downloads
from colorizers.weights.loading import read_header
from colorizers.weights.registry import DEPTH, OWN, Weights
from colorizers.weights.store import WeightsStatus, WeightStore, make_store, sha256

_ACTIONS = """\
list: all weights, and which of them are installed; download: get weights from the Hugging Face hub or from
torchvision; card: write into a model card how its weights were trained"""


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `weights`."""
    parser.add_argument("action", choices=["list", "download", "card"], help=_ACTIONS)
    parser.add_argument("keys", nargs="*", metavar="KEY", help="for download and card: the weights, as list names them")
    parser.add_argument("--model", metavar="OWNER/NAME", help="download this Stable Diffusion 1.x model of the hub")
    parser.add_argument("--controlnet", metavar="OWNER/NAME", help="download this ControlNet of the hub")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    action, model, controlnet = arguments.action, arguments.model, arguments.controlnet
    if action != "download" and not (model is None and controlnet is None):
        raise ColorizerError("--model and --controlnet are for weights download; leave them out.")
    store = make_store(REGISTRY, get_settings())
    if action == "list":
        if arguments.keys:
            raise ColorizerError("weights list takes no KEY; it lists them all.")
        return list_weights(store)
    keys = [_key(action, name, store) for name in arguments.keys]
    if model is not None:
        store = store.with_model(model)
        keys.append(OWN)
    if controlnet is not None:
        store = store.with_controlnet(controlnet)
        keys.append(DEPTH)
    if not keys:
        raise _needs(action, store)
    for key in keys:
        (download if action == "download" else write_card)(key, store)
    return 0


def _key(action: str, name: str, store: WeightStore) -> str:
    """The key of the weights of this name; ColorizerError when they are none that this action is for."""
    key = store.key_of(name)
    if not _is_for(action, store.entry(key)):
        raise _needs(action, store)
    return key


def _is_for(action: str, entry: Weights) -> bool:
    return entry.hub is not None if action == "download" else not (entry.hub or entry.folders)


def _needs(action: str, store: WeightStore) -> ColorizerError:
    fit = [key for key, entry in store.registry.items() if _is_for(action, entry)]
    return ColorizerError(f"weights {action} needs a KEY of {', '.join(fit)}.")


def list_weights(store: WeightStore) -> int:
    """Print the registry of weights as it stands on this machine."""
    rows: list[tuple[str, ...]] = [("KEY", "FILE", "MIB", "INSTALLED", "SHA256", "FROM", "LICENCE", "HOW TO INSTALL")]
    rows += map(_row, store.listing())
    print_columns(rows)
    return 0


def _row(status: WeightsStatus) -> tuple[str, ...]:
    entry, path = status.weights, status.path
    ours = not (entry.hub or entry.folders)
    source = entry.hub.name if entry.hub else "this project" if ours else "-"
    if path is None:
        return entry.key, entry.file if ours else "-", "-", "no", "-", source, entry.licence, entry.how_to_get
    size = f"{status.megabytes:.1f}"
    return entry.key, path.name, size, "yes", status.sha256[:12] or "-", source, entry.licence, ""


def download(key: str, store: WeightStore) -> None:
    """Fetch the weights that a hub publishes, unless they are installed; say beforehand what they are."""
    entry, path, damage = store.entry(key), store.find(key), _damage(key, store)
    if path is not None and not damage:
        print(f"{entry.called} is installed already: {shown(path)}")
        return
    if entry.hub is None:
        raise ColorizerError(damage)
    folder = store.downloads
    files = entry.hub.published(folder, entry.stem, entry.folders)
    target = folder / (entry.stem if entry.folders else next(iter(files)))
    if path is not None and path != target:
        raise ColorizerError(f"{shown(path)} is damaged and shadows the download; delete it first.")
    size = sum(file.size for file in files.values()) / 1e6
    print(f"{entry.called}: {entry.hub.name}, {size:.0f} MB, licence {entry.licence}", flush=True)
    if entry.folders:
        downloads.fetch_folder(files, target)
    else:
        downloads.fetch(files[target.name], target)
    print(shown(target))


def _damage(key: str, store: WeightStore) -> str:
    """The sentence on what is wrong with installed weights, or nothing."""
    try:
        store.check(key)
    except ColorizerError as error:
        return str(error)
    return ""


def write_card(key: str, store: WeightStore) -> None:
    """Write into the card beside weights, NAME.md, how their file says that they were trained."""
    path = store.find(key)
    if path is None:
        raise ColorizerError(f"The weights {store.entry(key).file} are not installed; train them first.")
    card = path.with_suffix(".md")
    report.write_block(card, "training", report.table(_training(path)))
    print(shown(card))


def _training(path: Path) -> dict[str, str]:
    """What a weights file says of its training, beginning with its own hash; the recipe in words."""
    header = read_header(path)
    if "recipe" not in header:
        raise ColorizerError(f"{path.name} does not say how it was trained; export it again with train.")
    try:
        recipe = ", ".join(f"{name} {value}" for name, value in json.loads(header["recipe"]).items())
    except (ValueError, AttributeError) as error:
        raise ColorizerError(f"The recipe in {path.name} cannot be read; export it again with train.") from error
    entries = {name.replace("_", " "): header[name] for name in sorted(header)}
    return {"sha256": sha256(path)} | entries | {"recipe": recipe}
