"""Folders of weights as diffusers and transformers save them: subfolders with texts and one .safetensors file."""

from collections.abc import Iterable
from pathlib import Path

from colorizers.errors import ColorizerError
from colorizers.words import Text

TEXTS = (".json", ".txt")
"""The suffixes of what says how the weights beside it are to be used."""

TRAINING = "training.json"
"""The file of a folder of ours that says how its parts were trained; loading does not read it."""


def choose(names: Iterable[str]) -> str | None:
    """Which file of a folder has the weights: of half precision before single, and in no other variant."""
    there = set(names)
    stems = ("diffusion_pytorch_model", "model")
    fits = (f"{stem}{variant}.safetensors" for variant in (".fp16", "") for stem in stems)
    return next((name for name in fits if name in there), None)


def weights_file(folder: Path) -> Path:
    """The one .safetensors file of a folder that is used."""
    path = _chosen(folder)
    if path is None:
        raise ColorizerError(Text("weights.folder-without-tensors", name=folder.name))
    return path


def used_files(path: Path, folders: tuple[str, ...]) -> list[Path]:
    """The files of weights: one, or those in subfolders ("" for the folder itself) that loading may read."""
    if path.is_file():
        return [path]
    files: list[Path] = []
    for folder in (path / name for name in folders):
        texts = (file for file in folder.glob("*") if file.suffix in TEXTS and file.name != TRAINING)
        files += (file for file in texts if file.is_file())
        files += filter(None, [_chosen(folder)])
    return files


def check_model(path: Path, folders: tuple[str, ...]) -> None:
    """Stop unless weights of these subfolders can be at a path; with a UNet they may be one .safetensors file."""
    single = "unet" in folders
    wanted = Text("weights.give-folder-or-file") if single else Text("weights.give-folder")
    if not path.exists():
        raise ColorizerError(Text("weights.no-path", path=path, wanted=wanted))
    if path.is_file():
        if not single or path.suffix != ".safetensors":
            raise ColorizerError(Text("weights.other-file", path=path, wanted=wanted))
    elif lacks := lacking(path, folders):
        raise ColorizerError(Text("weights.incomplete", path=path, missing=lacks, wanted=wanted))


def lacking(path: Path, folders: tuple[str, ...]) -> Text | str | None:
    """What a folder must still have for its subfolders to be there; None when they are."""
    for name in folders:
        folder, shown = path / name, f"{name}/" if name else ""
        if name and not folder.is_dir():
            return shown
        if not any(folder.glob("*.json")):
            return f"{shown}config.json"
        if (folder / "config.json").is_file() and _chosen(folder) is None:
            return Text("weights.tensors-in", folder=shown) if shown else Text("weights.tensors")
    return None


def _chosen(folder: Path) -> Path | None:
    name = choose(path.name for path in folder.glob("*.safetensors") if path.is_file())
    return None if name is None else folder / name
