"""Many colour photographs at once, from folders of pictures and from tar shards, for training and evaluation."""

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import torch
from torch import Tensor

from colorizers.errors import ColorizerError
from colorizers.picture.decode import SUFFIXES
from colorizers.picture.photo import Photo
from colorizers.picture.resize import resized
from colorizers.words import Text

REFERENCES = "references"  # a folder inside one of photographs whose pictures are no photographs


@dataclass(frozen=True, eq=False)
class ColorPhoto:
    """A decoded photograph, uint8 RGB (3, H, W); the sha256 is its file's.

    `label` says what it shows, as the folder of the file or the JSON beside it in the shard has it; else it is empty.
    """

    name: str
    rgb: Tensor
    sha256: str
    label: str = ""


@dataclass(frozen=True)
class Collection:
    """Photographs, uint8 RGB (3, H, W) of any sizes, their names and the sha256 of their files.

    `left_out` names what could not be used and says why.
    """

    photos: tuple[Tensor, ...]
    names: tuple[str, ...]
    digests: tuple[str, ...]
    left_out: tuple[Text, ...] = ()

    @property
    def sha256(self) -> str:
        """Of the list: which files, in which order."""
        return list_sha256(self.digests, self.names)

    def first(self, n: int) -> "Collection":
        """The first n photographs."""
        return replace(self, photos=self.photos[:n], names=self.names[:n], digests=self.digests[:n])


def list_sha256(digests: tuple[str, ...], names: tuple[str, ...]) -> str:
    """The sha256 of a list of files as `sha256sum` writes it: the files' own digests and their names, in order."""
    lines = (f"{digest}  {name}\n" for digest, name in zip(digests, names, strict=True))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_collection(paths: list[Path]) -> Collection:
    """Every colour photograph of the folders and tar files, in order; gray ones and broken ones are left out."""
    found = list(color_photos(paths))
    photos = [each for each in found if isinstance(each, ColorPhoto)]
    if not photos:
        raise ColorizerError(Text("collection.nothing", names=[path.name for path in paths]))
    return Collection(
        photos=tuple(photo.rgb for photo in photos),
        names=tuple(photo.name for photo in photos),
        digests=tuple(photo.sha256 for photo in photos),
        left_out=tuple(each for each in found if isinstance(each, Text)),
    )


def color_photos(paths: list[Path]) -> Iterator[ColorPhoto | Text]:
    """The photographs at these paths one by one; in place of one that cannot be used, a sentence that says why."""
    for name, content, label in (file for path in paths for file in _files(path)):
        try:
            rgb = Photo.open(content, name).rgb
        except ColorizerError as error:
            yield error.text
            continue
        if rgb is None:
            yield Text("collection.no-color", name=name)
            continue
        pixels = torch.tensor(rgb).movedim(-1, 0).contiguous()
        yield ColorPhoto(name, pixels, hashlib.sha256(content).hexdigest(), label)


def shards(paths: list[Path]) -> list[Path]:
    """The paths, with each folder of tar shards replaced by its shards in order."""
    return [each for path in paths for each in (sorted(path.glob("*.tar")) or [path])]


def _files(path: Path) -> Iterator[tuple[str, bytes, str]]:
    """Names, beginning with the shard's or the folder's, contents and labels of the picture files at a path.

    Those in a REFERENCES folder inside a folder are left out.
    """
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            inside = file.relative_to(path)
            if file.suffix.lower() in SUFFIXES and REFERENCES not in inside.parts[:-1]:
                yield f"{path.resolve().name}/{inside.as_posix()}", file.read_bytes(), inside.parent.name
        return
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise ColorizerError(Text("collection.not-a-place", path=path))
    try:
        with tarfile.open(path) as shard:
            members = {member.name: member for member in shard.getmembers() if member.isfile()}
            for name in members:
                if name.lower().endswith(SUFFIXES):
                    beside = members.get(f"{PurePosixPath(name).with_suffix('')}.json")
                    label = _label(_content(shard, beside)) if beside else ""
                    yield f"{path.name}/{name}", _content(shard, members[name]), label
    except (tarfile.TarError, OSError) as error:
        raise ColorizerError(Text("collection.damaged-shard", name=path.name)) from error


def _content(shard: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = shard.extractfile(member)
    assert file is not None, "only plain files are asked for"
    return file.read()


def _label(sidecar: bytes) -> str:
    """The label in a sidecar; a sidecar that is none has no label."""
    try:
        values = json.loads(sidecar)
    except ValueError:
        return ""
    return str(values.get("label", "")) if isinstance(values, dict) else ""


def center_square(photo: Tensor, size: int) -> Tensor:
    """The centre square of a uint8 photo as (3, s, s) in [0, 1]: reduced to `size` with antialiasing, not enlarged."""
    side = min(photo.shape[-2:])
    top, left = (photo.shape[-2] - side) // 2, (photo.shape[-1] - side) // 2
    return square(photo[:, top : top + side, left : left + side], min(size, side))


def square(photo: Tensor, size: int) -> Tensor:
    """A uint8 photo (3, H, W) as (3, size, size) in [0, 1], antialiased."""
    return resized(photo.float() / 255, (size, size)).clamp(0, 1)


def reduced_rgb(photo: Tensor, short_side: int) -> Tensor:
    """A uint8 photo (3, H, W) with its short side brought down, antialiased, to at most so many pixels."""
    height, width = photo.shape[-2:]
    scale = short_side / min(height, width)
    if scale >= 1:
        return photo
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    return resized(photo.float(), size).round().clamp(0, 255).byte()
