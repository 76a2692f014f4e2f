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
from colorizers.weights.folders import TRAINING
from colorizers.weights.loading import read_header
from colorizers.weights.offers import offer
from colorizers.weights.registry import DEPTH, OWN, Weights
from colorizers.weights.store import WeightsStatus, WeightStore, make_store, sha256
from colorizers.words import Text

_COLUMNS = ("key", "file", "size", "installed", "sha256", "from", "licence", "install")


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `weights`."""
    parser.add_argument("action", choices=["list", "download", "card"], help=str(Text("commands.weights.action")))
    parser.add_argument("keys", nargs="*", metavar="KEY", help=str(Text("commands.weights.key")))
    parser.add_argument("--model", metavar="OWNER/NAME", help=str(Text("commands.weights.model")))
    parser.add_argument("--controlnet", metavar="OWNER/NAME", help=str(Text("commands.weights.controlnet")))
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    action, model, controlnet = arguments.action, arguments.model, arguments.controlnet
    if action != "download" and not (model is None and controlnet is None):
        raise ColorizerError(Text("commands.weights.only-for-download"))
    store = make_store(REGISTRY, get_settings())
    if action == "list":
        if arguments.keys:
            raise ColorizerError(Text("commands.weights.list-takes-none"))
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


def fetchable(name: str, store: WeightStore) -> str:
    """The key of weights that can be downloaded, by its name."""
    return _key("download", name, store)


def _is_for(action: str, entry: Weights) -> bool:
    return entry.hub is not None if action == "download" else entry.shipped


def _needs(action: str, store: WeightStore) -> ColorizerError:
    fit = [key for key, entry in store.registry.items() if _is_for(action, entry)]
    return ColorizerError(Text("commands.weights.needs-key", action=action, keys=fit))


def list_weights(store: WeightStore) -> int:
    """Print the registry of weights as it stands on this machine."""
    headings = tuple(str(Text(f"commands.weights.columns.{column}")) for column in _COLUMNS)
    print_columns([headings, *map(_row, store.listing())])
    return 0


def _row(status: WeightsStatus) -> tuple[str, ...]:
    entry, path = status.weights, status.path
    ours = entry.shipped
    source = entry.hub.name if entry.hub else str(Text("commands.weights.this-project")) if ours else "-"
    if path is None:
        file, installed = entry.file if ours else "-", str(Text("commands.weights.not-installed"))
        size = str(entry.megabytes or "-")
        return entry.key, file, size, installed, "-", source, str(entry.licence), str(entry.how_to_get)
    size, installed = f"{status.megabytes:.1f}", str(Text("commands.weights.installed"))
    return entry.key, path.name, size, installed, status.sha256[:12] or "-", source, str(entry.licence), ""


def download(key: str, store: WeightStore) -> None:
    """Fetch the weights that a hub publishes, unless they are installed; say beforehand what they are."""
    offered = offer(key, store)
    if offered is None:
        path = store.find(key)
        assert path is not None
        print(Text("commands.weights.installed-already", name=store.entry(key).called, path=shown(path)))
        return
    entry, hub = offered.weights, offered.weights.hub
    assert hub is not None
    told = {"name": entry.called, "source": hub.name, "size": offered.size / 1e6, "licence": entry.licence}
    print(Text("commands.weights.published", **told), flush=True)
    offered.fetch()
    print(shown(offered.target))


def write_card(key: str, store: WeightStore) -> None:
    """Write into the card beside weights, NAME.md, how they were trained, from the headers of the runs' files."""
    path = store.find(key)
    if path is None:
        raise ColorizerError(Text("commands.weights.train-first", file=store.entry(key).file))
    card = path.with_suffix(".md")
    for block, header in _headers(path).items():
        report.write_block(card, block, report.table(_training(header, path)))
    print(shown(card))


def _headers(path: Path) -> dict[str, dict[str, str]]:
    """What is known of the training of weights: of a file with its hash, of a folder by its parts."""
    if path.is_file():
        return {"training": {"sha256": sha256(path)} | read_header(path)}
    training = path / TRAINING
    told = json.loads(training.read_text()) if training.exists() else {"": {}}
    return {f"training of the {part}": header for part, header in told.items()}


def _training(header: dict[str, str], path: Path) -> dict[str, str]:
    """The training as rows: the file's hash first, and the recipe in words."""
    if "recipe" not in header:
        raise ColorizerError(Text("commands.weights.no-training", file=path.name))
    try:
        recipe = ", ".join(f"{name} {value}" for name, value in json.loads(header["recipe"]).items())
    except (ValueError, AttributeError) as error:
        raise ColorizerError(Text("commands.weights.damaged-recipe", file=path.name)) from error
    first = {name: header[name] for name in ("sha256",) if name in header}
    return first | {name.replace("_", " "): header[name] for name in sorted(header)} | {"recipe": recipe}
