"""Collections of photographs: what is read from folders and shards, and what is left out and why."""

import hashlib
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import encoded
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.picture.dataset import center_square, read_collection

RED, BLUE = (200, 40, 30), (30, 60, 190)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two colour photographs, a gray one, a broken one, and a file that is no picture."""
    folder = tmp_path / "album"
    (folder / "trip").mkdir(parents=True)
    Image.new("RGB", (30, 20), RED).save(folder / "trip" / "sea.PNG")
    Image.new("RGB", (8, 16), BLUE).save(folder / "aunt.png")
    Image.new("L", (9, 9), 90).save(folder / "gray.png")
    (folder / "torn.jpg").write_bytes(encoded(Image.new("RGB", (64, 64), RED), "JPEG")[:300])
    (folder / "letter.txt").write_text("Dear Ann,")
    return folder


def packed(folder: Path, name: str) -> Path:
    """A tar shard with the same files in the same order."""
    shard = folder.parent / name
    with tarfile.open(shard, "w") as tar:
        for file in sorted(folder.rglob("*.*")):
            tar.add(file, file.relative_to(folder).as_posix())
    return shard


def test_a_folder_gives_its_colour_photographs_in_order(folder: Path):
    collection = read_collection([folder])
    assert collection.names == ("album/aunt.png", "album/trip/sea.PNG")
    assert [photo.shape for photo in collection.photos] == [(3, 16, 8), (3, 20, 30)]
    assert [tuple(photo[:, 0, 0].tolist()) for photo in collection.photos] == [BLUE, RED]
    assert all(photo.dtype == torch.uint8 for photo in collection.photos)


def test_a_shard_gives_the_same_photographs_as_its_folder(folder: Path):
    shard = packed(folder, "photos-00.tar")
    from_folder, from_shard = read_collection([folder]), read_collection([shard])
    assert from_shard.names == ("photos-00.tar/aunt.png", "photos-00.tar/trip/sea.PNG")
    assert all(map(torch.equal, from_folder.photos, from_shard.photos))
    assert read_collection([folder, shard]).names == from_folder.names + from_shard.names


def test_reference_pictures_inside_a_folder_are_no_photographs_of_it(folder: Path):
    before = read_collection([folder])
    references = folder / "trip" / "references"
    references.mkdir()
    Image.new("RGB", (5, 5), RED).save(references / "glass.png")
    assert read_collection([folder]).sha256 == before.sha256
    assert read_collection([references]).names == ("references/glass.png",), "unless they are asked for"


def test_gray_and_broken_files_are_left_out_and_named(folder: Path):
    for source in (folder, packed(folder, "photos-00.tar")):
        gray, torn = read_collection([source]).left_out
        assert str(gray) == f"{source.name}/gray.png has no colour."
        assert str(torn).startswith("torn.jpg is damaged")


def test_the_hash_says_which_photographs_in_which_order(folder: Path):
    collection = read_collection([folder])
    files = {name: hashlib.sha256((folder.parent / name).read_bytes()).hexdigest() for name in collection.names}
    assert collection.digests == tuple(files.values())
    listed = "".join(f"{digest}  {name}\n" for name, digest in files.items())
    assert collection.sha256 == hashlib.sha256(listed.encode()).hexdigest()
    assert collection.first(1).names == ("album/aunt.png",)
    (folder / "trip" / "sea.PNG").unlink()
    assert read_collection([folder]).sha256 != collection.sha256


def test_what_holds_no_colour_photograph_is_refused(folder: Path, tmp_path: Path):
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ColorizerError, match=r"no colour photograph in empty; "):
        read_collection([empty])
    for path in (tmp_path / "gone", folder / "letter.txt"):
        with pytest.raises(ColorizerError, match="neither a folder of pictures nor a tar shard"):
            read_collection([path])


def test_a_centre_square_is_cut_from_the_middle_and_never_enlarged():
    photo = torch.zeros(3, 10, 30, dtype=torch.uint8)
    photo[:, :, 10:20] = 255
    for size, side in ((4, 4), (10, 10), (500, 10)):
        square = center_square(photo, size)
        assert square.shape == (3, side, side)
        assert np.allclose(square.numpy(), 1)
