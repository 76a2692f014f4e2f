"""Many colour photographs at once, from folders of pictures and from tar shards, for training and evaluation."""

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.photo import SUFFIXES, Photo


@dataclass(frozen=True)
class Collection:
    """Decoded photographs, uint8 RGB (3, H, W) of any sizes, and their names.

    `left_out` names what could not be used and says why.
    """

    photos: tuple[Tensor, ...]
    names: tuple[str, ...]
    left_out: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the list of names: which photos, in which order."""
        return hashlib.sha256("\n".join(self.names).encode()).hexdigest()


def read_collection(paths: list[Path]) -> Collection:
    """Every colour photograph of the folders and tar files, in order; gray ones and broken ones are left out."""
    photos, names, left_out = [], [], []
    for name, data in (file for path in paths for file in _files(path)):
        try:
            rgb = Photo.open(data, name).rgb
        except ColorizerError as error:
            left_out.append(str(error))
            continue
        if rgb is None:
            left_out.append(f"{name} has no colour.")
            continue
        photos.append(torch.tensor(rgb).movedim(-1, 0).contiguous())
        names.append(name)
    if not photos:
        raise ColorizerError(f"There is no colour photograph in {', '.join(path.name for path in paths)}.")
    return Collection(tuple(photos), tuple(names), tuple(left_out))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names, beginning with the shard's or the folder's, and contents of the picture files at a path."""
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in SUFFIXES:
                yield f"{path.resolve().name}/{file.relative_to(path).as_posix()}", file.read_bytes()
        return
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise ColorizerError(f"{path} is neither a folder of pictures nor a tar shard.")
    try:
        with tarfile.open(path) as shard:
            for member in shard:
                content = shard.extractfile(member) if member.name.lower().endswith(SUFFIXES) else None
                if content is not None:
                    yield f"{path.name}/{member.name}", content.read()
    except (tarfile.TarError, OSError) as error:
        raise ColorizerError(f"{path.name} is a damaged tar shard; get it again.") from error


def center_square(photo: Tensor, size: int) -> Tensor:
    """The centre square of a uint8 photo as (3, s, s) in [0, 1]: reduced to `size` with antialiasing, not enlarged."""
    side = min(photo.shape[-2:])
    top, left = (photo.shape[-2] - side) // 2, (photo.shape[-1] - side) // 2
    return resized(photo[:, top : top + side, left : left + side], min(size, side))


def resized(photo: Tensor, size: int) -> Tensor:
    """A uint8 photo (3, H, W) as a square (3, size, size) in [0, 1], antialiased."""
    pixels = photo[None].float() / 255
    return torch.nn.functional.interpolate(pixels, (size, size), mode="bilinear", antialias=True)[0].clamp(0, 1)
