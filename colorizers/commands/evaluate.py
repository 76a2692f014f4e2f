"""`evaluate`: measure methods against the true colours of photographs, beside reference rows."""

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from tqdm import tqdm

from colorizers.commands.flags import path, positive
from colorizers.commands.outputs import shown
from colorizers.commands.packaged import given_file, packaged, pip_install
from colorizers.commands.rows import read_row
from colorizers.engine import make_engine
from colorizers.errors import ColorizerError
from colorizers.evaluation import baselines, perceptual, protocol, report
from colorizers.evaluation.contact_sheet import ContactSheet
from colorizers.evaluation.photo_list import committed_list, write_list
from colorizers.evaluation.reference_rows import OTHER, OWN
from colorizers.methods.catalog import METHODS
from colorizers.methods.method import AnyMethod
from colorizers.options import Control, controls, validated
from colorizers.picture.dataset import REFERENCES, Collection, read_collection, shards
from colorizers.picture.photo import Photo
from colorizers.picture.record import versions
from colorizers.settings import PROJECT
from colorizers.words import Text

_KID = "efficientnet-lite2"  # the network of KID
_PLACEHOLDER = Photo(torch.zeros(1, 1))  # for pictures, while the other options are validated


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `evaluate`."""
    add = parser.add_argument
    methods = str(Text("commands.evaluate.methods", methods=tuple(METHODS)))
    add("methods", nargs="*", metavar="METHOD[:WEIGHTS][,option=value...]", help=methods)
    data = str(Text("commands.evaluate.data", references=REFERENCES))
    add("--data", type=path, nargs="+", required=True, metavar="PATH", help=data)
    add("--n", type=positive("--n"), metavar="N", help=str(Text("commands.evaluate.n")))
    size = str(Text("commands.evaluate.size"))
    add("--size", type=positive("--size"), default=256, metavar="PX", help=size)
    hints = str(Text("commands.evaluate.hints"))
    add("--hints", type=positive("--hints"), default=0, metavar="N", help=hints)
    lpips = str(Text("commands.evaluate.lpips"))
    add("--lpips", type=path, metavar="PATH", help=lpips)
    fid = str(Text("commands.evaluate.fid", photos=perceptual.FID_PHOTOS))
    add("--fid", type=path, metavar="PATH", help=fid)
    kid = str(Text("commands.evaluate.kid", network=_KID))
    add("--kid", type=given_file, metavar="PATH", help=kid)
    add("--force", action="store_true", help=str(Text("commands.evaluate.force")))
    add("--json", type=path, metavar="FILE", help=str(Text("commands.evaluate.json")))
    add("--csv", type=path, metavar="FILE", help=str(Text("commands.evaluate.csv")))
    add("--html", type=path, metavar="DIR", help=str(Text("commands.evaluate.html")))
    card = str(Text("commands.evaluate.card"))
    add("--card", action="append", default=[], metavar="FILE:BLOCK", help=card)
    add("--list", type=path, metavar="FILE", help=str(Text("commands.evaluate.list")))
    add("--fit-baselines", action="store_true", help=str(Text("commands.evaluate.fit-baselines")))
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
    with tqdm(total=len(collection.photos), unit=str(Text("commands.photo")), leave=False, disable=None) as bar:

        def watch(pictures: protocol.Pictures) -> None:
            bar.update()
            if sheet is not None:
                sheet.add(pictures)

        evaluation = protocol.evaluate(engine, rows, collection, arguments.size, networks, watch, arguments.hints)
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
    info, values = read_row(methods, text)
    entries = controls(info.options)
    pictures = _pictures(entries, values)
    options = validated(info.options, values | dict.fromkeys(pictures, _PLACEHOLDER))
    given = {name: getattr(options, name) for name in values if name not in pictures}
    sweep = "vividness" in info.options.model_fields and "vividness" not in values
    return protocol.MethodRow(info.name, given, pictures, sweep)


def _pictures(entries: list[Control], values: Mapping[str, str]) -> dict[str, str]:
    """OWN or OTHER for each picture among the options that is given or required; OWN is the default."""
    used = [entry for entry in entries if entry.kind == "picture" and (entry.required or entry.name in values)]
    for entry in used:
        if values.get(entry.name, OWN) not in (OWN, OTHER):
            label = entry.words.label
            raise ColorizerError(Text("commands.evaluate.own-or-other", label=label, own=OWN, other=OTHER))
    return {entry.name: values.get(entry.name, OWN) for entry in used}


def _checked_card(given: str) -> tuple[Path, str]:
    """FILE:BLOCK as the path of a card and the name of one of its blocks."""
    path, _, block = given.rpartition(":")
    if not path or not block:
        raise ColorizerError(Text("commands.evaluate.card-form"))
    report.check_block(Path(path), block)
    return Path(path), block


def _check_files(arguments: argparse.Namespace) -> None:
    """Raise ColorizerError if an output file cannot be written."""
    for flag in ("json", "csv", "list"):
        path = vars(arguments)[flag]
        if path is not None and (path.is_dir() or not _writable(path)):
            raise ColorizerError(Text("commands.evaluate.file-not-written", path=shown(path), flag=flag))
    folder = arguments.html
    if folder is not None and ((folder.exists() and not folder.is_dir()) or not _writable(folder)):
        raise ColorizerError(Text("commands.evaluate.folder-not-written", path=shown(folder)))


def _writable(path: Path) -> bool:
    """Whether a path can be written, or created in its folder."""
    place = path if path.exists() else path.parent
    return os.access(place, os.W_OK) and (path.exists() or place.is_dir())


def _networks(arguments: argparse.Namespace, device: torch.device) -> perceptual.Networks:
    if arguments.kid is None:
        arguments.kid = packaged(_KID)
    if arguments.kid is None:
        print(Text("commands.evaluate.no-kid", command=pip_install(_KID)), file=sys.stderr)
    return perceptual.Networks(
        lpips=None if arguments.lpips is None else perceptual.lpips_network(arguments.lpips, device),
        fid=None if arguments.fid is None else perceptual.inception(arguments.fid, device),
        kid=None if arguments.kid is None else perceptual.efficientnet(arguments.kid, device),
    )


def _read(arguments: argparse.Namespace) -> Collection:
    """The photos; prints a line for every one that is left out."""
    collection = read_collection(shards(arguments.data))
    for reason in collection.left_out:
        print(Text("commands.left-out", reason=shown(Path(str(reason)))), file=sys.stderr)
    return collection if arguments.n is None else collection.first(arguments.n)


def _without_measuring(arguments: argparse.Namespace, collection: Collection) -> int:
    """Write the list of photos, or fit the baselines."""
    if arguments.list is not None:
        write_list(arguments.list, collection)
        print(Text("commands.evaluate.listed", count=len(collection.photos), path=shown(arguments.list)))
    if arguments.fit_baselines:
        baselines.save(baselines.fit(collection, _command(arguments)))
        path = shown(baselines.FITTED.relative_to(PROJECT))
        print(Text("commands.evaluate.fitted", count=len(collection.photos), path=path))
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
    words += [f"--hints {arguments.hints}"] if arguments.hints else []
    words += [f"--lpips {shown(Path(arguments.lpips.name))}"] if arguments.lpips is not None else []
    words += [f"--fid {shown(Path(arguments.fid.name))}"] if arguments.fid is not None else []
    words += [f"--kid {shown(Path(arguments.kid.name))}"] if arguments.kid not in (None, packaged(_KID)) else []
    words += ["--force"] if arguments.force else []
    words += ["--fit-baselines"] if arguments.fit_baselines else []
    return " ".join(words)
