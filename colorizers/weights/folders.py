"""Folders of weights as diffusers and transformers save them: subfolders with texts and one .safetensors file."""

from collections.abc import Iterable
from pathlib import Path

from colorizers.errors import ColorizerError

TEXTS = (".json", ".txt")
"""The suffixes of what says how the weights beside it are to be used."""


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
        raise ColorizerError(f"{folder.name} has no .safetensors file; give a folder that diffusers saved.")
    return path


def used_files(path: Path, folders: tuple[str, ...]) -> list[Path]:
    """The files of weights: one, or those in subfolders ("" for the folder itself) that loading may read."""
    if path.is_file():
        return [path]
    files: list[Path] = []
    for folder in (path / name for name in folders):
        files += (file for file in folder.glob("*") if file.suffix in TEXTS and file.is_file())
        files += filter(None, [_chosen(folder)])
    return files


def check_model(path: Path, folders: tuple[str, ...]) -> None:
    """Stop unless weights of these subfolders can be at a path; with a UNet they may be one .safetensors file."""
    single = "unet" in folders
    want = f"a folder that diffusers saved{', or a .safetensors file' if single else ''}"
    if not path.exists():
        raise ColorizerError(f"There is no {path}; give {want}.")
    if path.is_file():
        if not single or path.suffix != ".safetensors":
            raise ColorizerError(f"{path} cannot be used, as other files may hold code; give {want}.")
    elif lacks := lacking(path, folders):
        raise ColorizerError(f"{path} has no {lacks}; give {want}.")


def lacking(path: Path, folders: tuple[str, ...]) -> str:
    """What a folder must still have for its subfolders to be there; nothing when they are."""
    for name in folders:
        folder, shown = path / name, f"{name}/" if name else ""
        if name and not folder.is_dir():
            return shown
        if not any(folder.glob("*.json")):
            return f"{shown}config.json"
        if (folder / "config.json").is_file() and _chosen(folder) is None:
            return f".safetensors file in {shown or 'it'}"
    return ""


def _chosen(folder: Path) -> Path | None:
    name = choose(path.name for path in folder.glob("*.safetensors") if path.is_file())
    return None if name is None else folder / name
