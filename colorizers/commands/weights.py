"""`weights`: what there is, downloads, and how ours were trained, for their cards."""

import argparse
import json
from pathlib import Path

from colorizers import downloads, weights
from colorizers.commands.files import shown
from colorizers.commands.listings import print_columns
from colorizers.errors import ColorizerError
from colorizers.evaluation import report
from colorizers.hub import Hub

_ACTIONS = """\
list: what there is, and what of it is here; download: get weights from the Hugging Face hub or from torchvision; card:
write into a model card how its weights were trained"""


def prepare(parser: argparse.ArgumentParser) -> None:
    """The arguments of `weights`."""
    parser.add_argument("action", choices=["list", "download", "card"], help=_ACTIONS)
    parser.add_argument("key", nargs="?", metavar="KEY", help="for download and card: the weights, as list names them")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        if arguments.key is not None:
            raise ColorizerError("weights list takes no KEY; it lists them all.")
        return list_weights()
    entry = _entry(arguments.action, arguments.key, published=arguments.action == "download")
    return download(entry, entry.hub) if entry.hub else write_card(entry)


def _entry(action: str, name: str | None, published: bool) -> weights.Weights:
    """The weights of this name; ColorizerError when they are none that this action is for."""
    fit = [entry for entry in weights.REGISTRY.values() if bool(entry.hub) == published]
    entry = weights.REGISTRY[weights.key_of(name)] if name else None
    if entry is None or entry not in fit:
        raise ColorizerError(f"weights {action} needs a KEY of {', '.join(each.key for each in fit)}.")
    return entry


def list_weights() -> int:
    """Print the registry of weights as it stands on this machine."""
    rows: list[tuple[str, ...]] = [("KEY", "FILE", "MIB", "HERE", "SHA256", "FROM", "LICENCE", "WHEN NOT HERE")]
    rows += map(_row, weights.listing())
    print_columns(rows)
    return 0


def _row(status: weights.WeightsStatus) -> tuple[str, ...]:
    entry, path = status.weights, status.path
    source = entry.hub.name if entry.hub else "this project"
    if path is None:
        return entry.key, "-" if entry.hub else entry.file, "-", "no", "-", source, entry.licence, entry.how_to_get
    size = f"{status.megabytes:.1f}"
    return entry.key, path.name, size, "yes", status.sha256[:12], source, entry.licence, ""


def download(entry: weights.Weights, hub: Hub) -> int:
    """Fetch the file of weights that a hub publishes, unless it is here; say beforehand what it is."""
    path = weights.find(entry.key)
    if path is not None and not weights.damage(entry, path):
        print(f"{entry.name} is here already: {shown(path)}")
        return 0
    folder = weights.downloads_dir()
    stem = Path(entry.file).stem
    file = hub.published(folder, stem)
    target = folder / f"{stem}{file.suffix}"
    if path is not None and path != target:
        raise ColorizerError(f"{shown(path)} is damaged and would be taken before a download; delete it first.")
    print(f"{entry.name}: {hub.name}, {file.size / 1e6:.0f} MB, licence {entry.licence}", flush=True)
    downloads.fetch(file, target)
    print(shown(target))
    return 0


def write_card(entry: weights.Weights) -> int:
    """Write into the card beside weights, NAME.md, how their file says that they were trained."""
    path = weights.find(entry.key)
    if path is None:
        raise ColorizerError(f"The weights {entry.file} are not here; train them first.")
    card = path.with_suffix(".md")
    report.write_block(card, "training", report.table(_training(path)))
    print(shown(card))
    return 0


def _training(path: Path) -> dict[str, str]:
    """What a weights file says of its training, beginning with its own hash; the recipe in words."""
    header = weights.read_header(path)
    if "recipe" not in header:
        raise ColorizerError(f"{path.name} does not say how it was trained; export it again with train.")
    try:
        recipe = ", ".join(f"{name} {value}" for name, value in json.loads(header["recipe"]).items())
    except (ValueError, AttributeError) as error:
        raise ColorizerError(f"The recipe in {path.name} cannot be read; export it again with train.") from error
    said = {name.replace("_", " "): header[name] for name in sorted(header)}
    return {"sha256": weights.sha256(path)} | said | {"recipe": recipe}
