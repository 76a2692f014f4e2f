"""The photographs of a training run: decoded once, kept flat in one file, cropped in batches on the device."""

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

from colorizers.errors import ColorizerError
from colorizers.picture.dataset import ColorPhoto, color_photos, list_sha256, reduced_rgb, shards

SHORT_SIDE = 256  # pixels; larger photos are brought down to it when they are decoded
SMALLEST_CROP = 0.6  # of the short side
VALIDATION = "val-"  # what shards begin with that are never trained on
_SAMPLES = 3  # a pixel of a crop is the mean of 3 x 3 samples of the photo
_FORMAT = 1  # of the decoded file


@dataclass(frozen=True, eq=False)
class Photographs:
    """Photos of any sizes in one row of pixels, uint8 (N, 3); photo k begins at `offsets[k]` and runs row by row.

    `label_ids` (n,) are indices into `labels`, -1 where a photo has none. `left_out` says in a sentence each what
    could not be used.
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
        """Of the list: which files, in which order."""
        return list_sha256(self.digests, self.names)

    def to(self, device: torch.device) -> "Photographs":
        """The same with everything that cropping needs on a device."""
        tensors = ("pixels", "offsets", "heights", "widths", "label_ids")
        return replace(self, **{name: getattr(self, name).to(device) for name in tensors})

    def photo(self, k: int) -> Tensor:
        """One photo, uint8 (3, H, W)."""
        height, width, offset = int(self.heights[k]), int(self.widths[k]), int(self.offsets[k])
        return self.pixels[offset : offset + height * width].view(height, width, 3).movedim(-1, 0).contiguous()


def training_paths(data: list[Path]) -> list[Path]:
    """The paths to train on: shards instead of the folders that hold them, validation shards left out."""
    paths = [path for path in shards(data) if not path.name.startswith(VALIDATION)]
    if not paths:
        raise ColorizerError(f"Shards named {VALIDATION}* are never trained on; give others with --data.")
    return paths


def validation_paths(data: list[Path], val: list[Path]) -> list[Path]:
    """Where to measure: what was given for it, else the validation shards among the data."""
    return shards(val) if val else [path for path in shards(data) if path.name.startswith(VALIDATION)]


def decoded(paths: list[Path], cache: Path) -> Photographs:
    """Every colour photograph at these paths, decoded now or read from an earlier run's file in the cache."""
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
        raise ColorizerError(f"{path} is neither a folder of pictures nor a tar shard.")
    return [path]


def _identity(path: Path, file: Path) -> list[str | int]:
    """What tells a file, with the name that its photos get, from any other and from its earlier self."""
    stat = file.stat()
    return [path.resolve().name, file.relative_to(path).as_posix(), stat.st_size, stat.st_mtime_ns]


def _decode(paths: list[Path], pixels: Path, index: Path) -> None:
    """Write the two files; the index comes last and whole, so that an interrupted run leaves none."""
    pixels.parent.mkdir(parents=True, exist_ok=True)
    rows: list[list[str | int]] = []
    left_out: list[str] = []
    partial = pixels.with_suffix(f".partial{os.getpid()}")
    with partial.open("wb") as file:
        for photo in tqdm(color_photos(paths), desc="decoding", unit="photo", leave=False, disable=None):
            if isinstance(photo, ColorPhoto):
                small = reduced_rgb(photo.rgb, SHORT_SIDE)
                file.write(small.movedim(0, -1).contiguous().numpy().tobytes())
                rows.append([photo.name, photo.sha256, photo.label, *small.shape[1:]])
            else:
                left_out.append(photo)
    if not rows:
        partial.unlink()
        raise ColorizerError(f"There is no colour photograph in {', '.join(path.name for path in paths)}.")
    partial.replace(pixels)
    unfinished = partial.with_suffix(".index")
    unfinished.write_text(json.dumps({"photos": rows, "left_out": left_out}))
    unfinished.replace(index)


def _read(pixels: Path, index: Path) -> Photographs:
    said = json.loads(index.read_text())
    names, digests, shown, heights, widths = zip(*said["photos"], strict=True)
    labels = sorted(set(shown) - {""})
    ids = {label: k for k, label in enumerate(labels)}
    sizes = torch.tensor(heights) * torch.tensor(widths)
    if not pixels.exists() or pixels.stat().st_size != 3 * int(sizes.sum()):
        raise ColorizerError(f"The decoded photos {pixels.name} are damaged; delete {index.name} beside them.")
    flat = np.memmap(pixels, np.uint8, "c").reshape(-1, 3)  # copy-on-write: torch has no read-only tensors
    return Photographs(
        pixels=torch.from_numpy(flat),
        offsets=sizes.cumsum(0) - sizes,
        heights=torch.tensor(heights),
        widths=torch.tensor(widths),
        label_ids=torch.tensor([ids.get(label, -1) for label in shown]),
        labels=tuple(labels),
        names=names,
        digests=digests,
        left_out=tuple(said["left_out"]),
    )


@dataclass(frozen=True)
class BatchOrder:
    """Which photos a step sees: a function of the step alone, so that a run goes on exactly where it was.

    Every epoch has a new order. With `subset` below one an epoch has only that share of the photos, chosen anew every
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

    def chosen(self, step: int) -> Tensor:
        """Indices (batch,) of the photos of a step."""
        epoch, k = divmod(step, self.steps_per_epoch)
        everything = _shuffled(self.count, self.seed, epoch // self.refresh_every)
        subset = everything[: max(1, int(self.subset * self.count))]
        order = subset[_shuffled(len(subset), self.seed + 1, epoch)]
        return order[k * self.batch : (k + 1) * self.batch]


def _shuffled(count: int, seed: int, part: int) -> Tensor:
    return torch.randperm(count, generator=seeded(torch.device("cpu"), seed, part))


def seeded(device: torch.device, *parts: int) -> torch.Generator:
    """A generator whose state is a function of whole numbers."""
    digest = hashlib.sha256(",".join(map(str, parts)).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))


def crops(photos: Photographs, chosen: Tensor, size: int, random: torch.Generator) -> Tensor:
    """Square crops (B, 3, size, size), sRGB in [0, 1], of photos by index (B,), all on the generator's device.

    A side is 60 to 100 % of the photo's short side, and half of the crops are mirrored.
    """
    heights, widths = photos.heights[chosen], photos.widths[chosen]
    share, down, along, mirror = torch.rand(4, len(chosen), generator=random, device=random.device)
    side = torch.minimum(heights, widths) * (SMALLEST_CROP + (1 - SMALLEST_CROP) * share)
    steps = (torch.arange(_SAMPLES * size, device=random.device) + 0.5) / (_SAMPLES * size)
    rows = (down * (heights - side))[:, None] + steps * side[:, None]
    columns = (along * (widths - side))[:, None] + torch.where(mirror[:, None] < 0.5, steps, 1 - steps) * side[:, None]
    places = photos.offsets[chosen, None] + rows.long() * widths[:, None]
    samples = photos.pixels[places[:, :, None] + columns.long()[:, None]]
    return avg_pool2d(samples.movedim(-1, 1).float(), _SAMPLES) / 255
