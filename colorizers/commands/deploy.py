"""`deploy`: this project as a Hugging Face Space."""

import argparse
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    SpaceHardware,
    get_token,
)
from huggingface_hub.errors import HfHubHTTPError, HTTPError, OfflineModeIsEnabled

from colorizers import __version__
from colorizers.commands.columns import print_columns
from colorizers.commands.weights import fetchable
from colorizers.errors import ColorizerError
from colorizers.methods.catalog import REGISTRY
from colorizers.settings import PROJECT, get_settings
from colorizers.weights.hub import HuggingFace
from colorizers.weights.store import REPOSITORY, WeightStore, make_store
from colorizers.words import Text

_PARTS = ("app.py", "pyproject.toml", "requirements.txt", "LICENSE", "NOTICE", "colorizers", "weights", "test_images")
_README = "README.md"
_FENCE = "---\n"  # around the front matter of the README
_OURS = "colorizers/__init__.py"  # a Space that has this file is one of this project
_EMPTY = {".gitattributes", _README}  # what a new Space may have
_HARDWARE = tuple(flavor.value for flavor in SpaceHardware if flavor is not SpaceHardware.ZERO_A10G)
"""A ZeroGPU lends its GPU to functions that are marked for it, and here there are none."""


@dataclass(frozen=True)
class Space:
    """A Space as it is to be: its name, its settings, its hardware, and its files by their paths there."""

    name: str
    private: bool
    hardware: str | None
    variables: dict[str, str]
    files: dict[str, Path | bytes]


def prepare(parser: argparse.ArgumentParser, argv: list[str]) -> None:
    """The arguments of `deploy`."""
    parser.description = str(Text("commands.deploy.description"))
    add = parser.add_argument
    add("where", choices=["space"], help=str(Text("commands.deploy.where")))
    add("name", metavar="OWNER/NAME", help=str(Text("commands.deploy.name")))
    add("--weights", nargs="+", default=[], metavar="KEY", help=str(Text("commands.deploy.weights")))
    add("--hardware", choices=_HARDWARE, metavar="FLAVOR", help=str(Text("commands.deploy.hardware", all=_HARDWARE)))
    add("--private", action="store_true", help=str(Text("commands.deploy.private")))
    add("--dry-run", action="store_true", help=str(Text("commands.deploy.dry-run")))
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not REPOSITORY.fullmatch(arguments.name):
        raise ColorizerError(Text("commands.deploy.wrong-name", name=arguments.name))
    if not arguments.dry_run and get_token() is None:
        raise ColorizerError(Text("commands.deploy.no-token"))
    space = planned(arguments.name, arguments.weights, arguments.hardware, arguments.private)
    tell(space)
    if arguments.dry_run:
        print(Text("commands.deploy.nothing-done"))
        return 0
    with _sentences(space.name):
        print(deploy(space, HfApi()))
    return 0


def planned(name: str, weights: list[str], hardware: str | None, private: bool, project: Path = PROJECT) -> Space:
    """What a Space of this project consists of; ColorizerError when this is not the project's folder."""
    if missing := [part for part in (*_PARTS, _README) if not (project / part).exists()]:
        raise ColorizerError(Text("commands.deploy.no-project", folder=project, missing=missing))
    store = make_store(REGISTRY, get_settings())
    keys = [fetchable(each, store) for each in weights]
    variables = {"COLORIZERS_PUBLIC": "1"}
    if keys:
        variables["COLORIZERS_DOWNLOAD"] = ",".join(keys)
    files: dict[str, Path | bytes] = {
        path.relative_to(project).as_posix(): path for part in _PARTS for path in _files(project / part)
    }
    files[_README] = _with_preload((project / _README).read_text(), _preloaded(keys, store)).encode()
    return Space(name, private, hardware, variables, files)


def _files(part: Path) -> Iterator[Path]:
    """A file, or those in a folder that are neither hidden nor made by Python."""
    found = [part] if part.is_file() else sorted(part.rglob("[!.]*"))
    return (path for path in found if path.is_file() and "__pycache__" not in path.parts)


def _preloaded(keys: list[str], store: WeightStore) -> list[str]:
    """The lines of `preload_from_hub`: repository, files, revision. Weights of other places come when it starts."""
    lines = []
    for key in keys:
        entry = store.entry(key)
        if isinstance(entry.hub, HuggingFace):
            pins = [each.pin for each in entry.hub.published(store.downloads, entry.stem, entry.folders).values()]
            lines.append(f"{entry.hub.name} {','.join(pin.file for pin in pins)} {pins[0].revision}")
    return lines


def _with_preload(readme: str, lines: list[str]) -> str:
    """A README whose front matter has `preload_from_hub`, which a Space brings into its cache when it is built."""
    _, front, text = readme.split(_FENCE, 2)
    preload = "".join(["preload_from_hub:\n", *(f"  - {line}\n" for line in lines)]) if lines else ""
    return "".join((_FENCE, front, preload, _FENCE, text))


def tell(space: Space) -> None:
    """Print what a Space will be."""
    sizes = [len(file) if isinstance(file, bytes) else file.stat().st_size for file in space.files.values()]
    hardware = space.hardware or Text("commands.deploy.as-it-is")
    rows = [
        (Text("commands.deploy.rows.space"), space.name),
        (Text("commands.deploy.rows.hardware"), hardware),
        *((Text("commands.deploy.rows.variable"), f"{name}={value}") for name, value in space.variables.items()),
        (Text("commands.deploy.rows.files"), Text("commands.deploy.files", count=len(sizes), size=sum(sizes) / 1e6)),
    ]
    print_columns([(str(name), str(value)) for name, value in rows])


def deploy(space: Space, hub: HfApi) -> str:
    """Make the Space, or bring the one of this name up to date, in one commit; gives its address.

    Variables come first, so that it never runs without them. ColorizerError when it is a Space of something else.
    """
    private = True if space.private else None  # None leaves the choice to the owner's settings
    made = hub.create_repo(space.name, repo_type="space", space_sdk="gradio", private=private, exist_ok=True)
    there = set(hub.list_repo_files(space.name, repo_type="space"))
    if _OURS not in there and there - _EMPTY:
        raise ColorizerError(Text("commands.deploy.of-something-else", name=space.name))
    for name, value in space.variables.items():
        hub.add_space_variable(space.name, name, value)
    if space.hardware:
        hub.request_space_hardware(space.name, SpaceHardware(space.hardware))
    changes: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        *(CommitOperationAdd(path, file) for path, file in space.files.items()),
        *(CommitOperationDelete(path) for path in sorted(there - space.files.keys() - _EMPTY)),
    ]
    message = Text("commands.deploy.commit", version=__version__)
    hub.create_commit(space.name, changes, commit_message=str(message), repo_type="space")
    return str(made)


@contextlib.contextmanager
def _sentences(name: str) -> Iterator[None]:
    """Whatever goes wrong between here and the hub, in one sentence."""
    try:
        yield
    except OfflineModeIsEnabled as error:
        raise ColorizerError(Text("download.offline")) from error
    except HfHubHTTPError as error:
        code = error.response.status_code
        raise ColorizerError(Text("commands.deploy.refused", name=name, code=code)) from error
    except HTTPError as error:
        raise ColorizerError(Text("download.no-hub")) from error
