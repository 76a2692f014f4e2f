"""`weights`: what there is, downloads, and how ours were trained, for their cards."""

import argparse
import json
from pathlib import Path

from colorizers.commands.listings import print_columns
from colorizers.commands.outputs import shown
from colorizers.errors import ColorizerError
from colorizers.evaluation import report
from colorizers.weights import downloads
from colorizers.weights import store as weights

_ACTIONS = """\
list: what there is, and what of it is here; download: get weights from the Hugging Face hub or from torchvision; card:
write into a model card how its weights were trained"""


def prepare(parser: argparse.ArgumentParser) -> None:
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
    if action == "list":
        if arguments.keys:
            raise ColorizerError("weights list takes no KEY; it lists them all.")
        return list_weights()
    entries = [_entry(action, name) for name in arguments.keys]
    if model is not None:
        entries.append(weights.REGISTRY[weights.use_model(model)])
    if controlnet is not None:
        entries.append(weights.REGISTRY[weights.use_controlnet(controlnet)])
    if not entries:
        raise _needs(action)
    for entry in entries:
        (download if action == "download" else write_card)(entry)
    return 0


def _entry(action: str, name: str) -> weights.Weights:
    """The weights of this name; ColorizerError when they are none that this action is for."""
    entry = weights.REGISTRY[weights.key_of(name)]
    if not _is_for(action, entry):
        raise _needs(action)
    return entry


def _is_for(action: str, entry: weights.Weights) -> bool:
    return entry.hub is not None if action == "download" else not (entry.hub or entry.folders)


def _needs(action: str) -> ColorizerError:
    fit = [key for key, entry in weights.REGISTRY.items() if _is_for(action, entry)]
    return ColorizerError(f"weights {action} needs a KEY of {', '.join(fit)}.")


def list_weights() -> int:
    """Print the registry of weights as it stands on this machine."""
    rows: list[tuple[str, ...]] = [("KEY", "FILE", "MIB", "HERE", "SHA256", "FROM", "LICENCE", "WHEN NOT HERE")]
    rows += map(_row, weights.listing())
    print_columns(rows)
    return 0


def _row(status: weights.WeightsStatus) -> tuple[str, ...]:
    entry, path = status.weights, status.path
    ours = not (entry.hub or entry.folders)
    source = entry.hub.name if entry.hub else "this project" if ours else "-"
    if path is None:
        return entry.key, entry.file if ours else "-", "-", "no", "-", source, entry.licence, entry.how_to_get
    size = f"{status.megabytes:.1f}"
    return entry.key, path.name, size, "yes", status.sha256[:12] or "-", source, entry.licence, ""


def download(entry: weights.Weights) -> None:
    """Fetch the weights that a hub publishes, unless they are here; say beforehand what they are."""
    path, damage = weights.find(entry.key), weights.damage(entry.key)
    if path is not None and not damage:
        print(f"{entry.called} is here already: {shown(path)}")
        return
    if entry.hub is None:
        raise ColorizerError(damage)
    folder = weights.downloads_dir()
    files = entry.hub.published(folder, entry.stem, entry.folders)
    target = folder / (entry.stem if entry.folders else next(iter(files)))
    if path is not None and path != target:
        raise ColorizerError(f"{shown(path)} is damaged and would be taken before a download; delete it first.")
    size = sum(file.size for file in files.values()) / 1e6
    print(f"{entry.called}: {entry.hub.name}, {size:.0f} MB, licence {entry.licence}", flush=True)
    if entry.folders:
        downloads.fetch_folder(files, target)
    else:
        downloads.fetch(files[target.name], target)
    print(shown(target))


def write_card(entry: weights.Weights) -> None:
    """Write into the card beside weights, NAME.md, how their file says that they were trained."""
    path = weights.find(entry.key)
    if path is None:
        raise ColorizerError(f"The weights {entry.file} are not here; train them first.")
    card = path.with_suffix(".md")
    report.write_block(card, "training", report.table(_training(path)))
    print(shown(card))


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
