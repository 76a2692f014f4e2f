"""Training photographs: decoded once into one flat file, cropped in batches on the device."""

import hashlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from tqdm import tqdm

from colorizers.devices import free_bytes
from colorizers.errors import ColorizerError
from colorizers.picture.dataset import ColorPhoto, color_photos, list_sha256, reduced_rgb, shards
from colorizers.words import Text

SHORT_SIDE = 256  # pixels; larger photos are reduced to it when they are decoded
SMALLEST_CROP = 0.6  # of the short side
VALIDATION = "val-"  # prefix of shards that are never trained on
_SAMPLES = 3  # a pixel of a crop is the mean of 3 x 3 samples of the photo
_FORMAT = 1  # of the decoded file
_MEMORY_SHARE = 0.5  # of a GPU's free memory that photos may take; the rest is for training


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photos of any size in one row of pixels, uint8 (N, 3); photo k begins at `offsets[k]`, row by row.

    `label_ids` (n,) are indices into `labels`, -1 for a photo without a label. `left_out` has one sentence per file
    that could not be used.
    """

    pixels: Tensor
    offsets: Tensor
    heights: Tensor
    widths: Tensor
    label_ids: Tensor
    labels: tuple[str, ...]
    names: tuple[str, ...]
    digests: tuple[str, ...]
    left_out: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sha256(self) -> str:
        """The hash of the list of files, their names, hashes and order."""
        return list_sha256(self.digests, self.names)

    def moved_if_small(self, device: torch.device) -> "Photographs":
        """With the pixels on a GPU if they take at most half of its free memory; else they stay in main memory."""
        if device.type == "cpu" or self.pixels.nbytes > _MEMORY_SHARE * free_bytes(device):
            return self
        return replace(self, pixels=self.pixels.to(device))

    def take(self, indices: Tensor, device: torch.device) -> "PhotoBatch":
        """Photos by index (B,), on the CPU, for cropping on a device: all pixels if they are there, else a copy."""
        if self.pixels.device.type == device.type:
            batch = PhotoBatch(self.pixels, *(table[indices] for table in self._tables()))
        else:
            batch = self.gathered(indices)
        return batch.to(device)

    def gathered(self, indices: Tensor) -> "PhotoBatch":
        """A copy in main memory of the photos at these indices (B,) alone."""
        offsets, heights, widths, label_ids = (table[indices] for table in self._tables())
        sizes = heights * widths
        ranges = zip(offsets.tolist(), sizes.tolist(), strict=True)
        pixels = torch.cat([self.pixels[offset : offset + size] for offset, size in ranges])
        return PhotoBatch(pixels, sizes.cumsum(0) - sizes, heights, widths, label_ids)

    def _tables(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What is known of every photo, (n,) each; always in main memory."""
        return self.offsets, self.heights, self.widths, self.label_ids

    def photo(self, k: int) -> Tensor:
        """One photo, uint8 (3, H, W)."""
        height, width, offset = int(self.heights[k]), int(self.widths[k]), int(self.offsets[k])
        return self.pixels[offset : offset + height * width].view(height, width, 3).movedim(-1, 0).contiguous()


@dataclass(frozen=True, eq=False)
class PhotoBatch:
    """Photos of one step: `pixels` uint8 (N, 3) hold them all; the others (B,) say where each lies and what it is."""

    pixels: Tensor
    offsets: Tensor
    heights: Tensor
    widths: Tensor
    label_ids: Tensor

    def __len__(self) -> int:
        return len(self.offsets)

    def to(self, device: torch.device) -> "PhotoBatch":
        """The same on a device; copies to a GPU go through pinned memory, so that they do not wait for each other."""

        def moved(tensor: Tensor) -> Tensor:
            pinned = tensor.pin_memory() if device.type == "cuda" and tensor.device.type == "cpu" else tensor
            return pinned.to(device, non_blocking=True)

        return PhotoBatch(*map(moved, (self.pixels, self.offsets, self.heights, self.widths, self.label_ids)))


def training_paths(data: list[Path]) -> list[Path]:
    """Paths to train on: folders of shards become their shards, without validation shards."""
    paths = [path for path in shards(data) if not path.name.startswith(VALIDATION)]
    if not paths:
        raise ColorizerError(Text("training.only-validation", prefix=VALIDATION))
    return paths


def validation_paths(data: list[Path], val: list[Path]) -> list[Path]:
    """Paths to validate on: the given ones, else the validation shards among the data."""
    return shards(val) if val else [path for path in shards(data) if path.name.startswith(VALIDATION)]


def decoded(paths: list[Path], cache: Path) -> Photographs:
    """All colour photographs at these paths, decoded now or read from the cache of an earlier run."""
    stats = [_identity(path, file) for path in paths for file in _files(path)]
    key = hashlib.sha256(json.dumps([_FORMAT, SHORT_SIDE, stats]).encode()).hexdigest()[:24]
    pixels, index = cache / f"{key}.pixels", cache / f"{key}.json"
    if not index.exists():
        _decode(paths, pixels, index)
    return _read(pixels, index)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.is_file())
    if not path.is_file():
        raise ColorizerError(Text("collection.not-a-place", path=path))
    return [path]


def _identity(path: Path, file: Path) -> list[str | int]:
    """Path, size and time of a file: they change if the file does."""
    stat = file.stat()
    return [path.resolve().name, file.relative_to(path).as_posix(), stat.st_size, stat.st_mtime_ns]


def _decode(paths: list[Path], pixels: Path, index: Path) -> None:
    """Write both files; the index comes last and atomically, so that an interrupted run leaves none."""
    pixels.parent.mkdir(parents=True, exist_ok=True)
    rows: list[list[str | int]] = []
    left_out: list[str] = []
    partial = pixels.with_suffix(f".partial{os.getpid()}")
    with partial.open("wb") as file:
        words = {"desc": str(Text("training.decoding")), "unit": str(Text("commands.photo"))}
        for photo in tqdm(color_photos(paths), **words, leave=False, disable=None):
            if isinstance(photo, ColorPhoto):
                small = reduced_rgb(photo.rgb, SHORT_SIDE)
                file.write(small.movedim(0, -1).contiguous().numpy().tobytes())
                rows.append([photo.name, photo.sha256, photo.label, *small.shape[1:]])
            else:
                left_out.append(str(photo))
    if not rows:
        partial.unlink()
        raise ColorizerError(Text("training.no-color", names=[path.name for path in paths]))
    partial.replace(pixels)
    unfinished = partial.with_suffix(".index")
    unfinished.write_text(json.dumps({"photos": rows, "left_out": left_out}))
    unfinished.replace(index)


def _read(pixels: Path, index: Path) -> Photographs:
    content = json.loads(index.read_text())
    names, digests, photo_labels, heights, widths = zip(*content["photos"], strict=True)
    labels = sorted(set(photo_labels) - {""})
    ids = {label: k for k, label in enumerate(labels)}
    sizes = torch.tensor(heights) * torch.tensor(widths)
    if not pixels.exists() or pixels.stat().st_size != 3 * int(sizes.sum()):
        raise ColorizerError(Text("training.damaged-photos", file=pixels.name, index=index.name))
    flat = np.memmap(pixels, np.uint8, "c").reshape(-1, 3)  # copy-on-write: torch has no read-only tensors
    return Photographs(
        pixels=torch.from_numpy(flat),
        offsets=sizes.cumsum(0) - sizes,
        heights=torch.tensor(heights),
        widths=torch.tensor(widths),
        label_ids=torch.tensor([ids.get(label, -1) for label in photo_labels]),
        labels=tuple(labels),
        names=names,
        digests=digests,
        left_out=tuple(content["left_out"]),
    )


@dataclass(frozen=True)
class BatchOrder:
    """The photos of each step: a function of the step alone, so that a run can be resumed exactly.

    Every epoch is shuffled anew. With `subset` below one an epoch has only that share of the photos, drawn anew every
    `refresh_every` epochs.
    """

    count: int
    batch: int
    seed: int
    subset: float = 1.0
    refresh_every: int = 1

    @property
    def steps_per_epoch(self) -> int:
        """Whole batches only."""
        return max(1, int(self.subset * self.count)) // self.batch

    def indices(self, step: int) -> Tensor:
        """Indices (batch,) of the photos of a step."""
        epoch, k = divmod(step, self.steps_per_epoch)
        all_photos = _shuffled(self.count, self.seed, epoch // self.refresh_every)
        subset = all_photos[: max(1, int(self.subset * self.count))]
        order = subset[_shuffled(len(subset), self.seed + 1, epoch)]
        return order[k * self.batch : (k + 1) * self.batch]


def _shuffled(count: int, seed: int, part: int) -> Tensor:
    return torch.randperm(count, generator=seeded(torch.device("cpu"), seed, part))


def seeded(device: torch.device, *parts: int) -> torch.Generator:
    """A generator seeded by a sequence of integers."""
    digest = hashlib.sha256(",".join(map(str, parts)).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))


def crops(photos: PhotoBatch, size: int, random: torch.Generator) -> Tensor:
    """Random square crops (B, 3, size, size), sRGB in [0, 1], one per photo, on the device of photos and generator.

    A side is 60 to 100 % of the photo's short side, and half of the crops are mirrored.
    """
    heights, widths = photos.heights, photos.widths
    share, down, along, mirror = torch.rand(4, len(photos), generator=random, device=random.device)
    side = torch.minimum(heights, widths) * (SMALLEST_CROP + (1 - SMALLEST_CROP) * share)
    steps = (torch.arange(_SAMPLES * size, device=random.device) + 0.5) / (_SAMPLES * size)
    rows = (down * (heights - side))[:, None] + steps * side[:, None]
    columns = (along * (widths - side))[:, None] + torch.where(mirror[:, None] < 0.5, steps, 1 - steps) * side[:, None]
    places = photos.offsets[:, None] + rows.long() * widths[:, None]
    samples = photos.pixels[places[:, :, None] + columns.long()[:, None]]
    return avg_pool2d(samples.movedim(-1, 1).float(), _SAMPLES) / 255
