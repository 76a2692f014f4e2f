"""What a batch takes of the files and zips that a visitor sends."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from memory import small_memory
from PIL import Image

from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.web.batch_files import sent
from colorizers.web.files import Folder


@pytest.fixture
def picture(gray_pixels: np.ndarray) -> bytes:
    return encoded(Image.fromarray(gray_pixels))


def zipped(folder: Path, entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "album.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return path


def test_photos_of_a_zip_keep_their_folders_and_lie_nowhere_afterwards(picture: bytes, tmp_path: Path) -> None:
    path = zipped(tmp_path, {"1920/a.png": picture, "b.png": picture, "notes.txt": b"", "1920/.hidden.png": picture})
    came, folder = sent([path]), Folder()
    assert [str(item.name) for item in came.items] == ["1920/a.png", "b.png"]
    place = folder.place("probe").parents[1]
    assert came.items[0].open(folder).size == (64, 48)
    assert [each for each in place.rglob("*") if each.is_file()] == []


def test_files_of_a_folder_keep_their_places(picture: bytes, tmp_path: Path) -> None:
    path = tmp_path / "album,,1920,,a.png"
    path.write_bytes(picture)
    assert [str(item.name) for item in sent([path]).items] == ["album/1920/a.png"]


@pytest.mark.parametrize("name", ["../../etc/a.png", "/etc/a.png", "..\\a.png", "C:\\a.png"])
def test_a_name_that_leads_out_of_the_zip_is_refused_and_the_others_stay(
    picture: bytes, tmp_path: Path, name: str
) -> None:
    came = sent([zipped(tmp_path, {name: picture, "good.png": picture})])
    assert [str(item.name) for item in came.items] == ["good.png"]
    ((refused, reason),) = came.refused
    assert str(refused) == "a.png"
    assert str(reason) == "The name of a.png leads out of its zip; make the zip again."


def test_a_bomb_a_nested_zip_and_a_damaged_one_are_not_opened(picture: bytes, tmp_path: Path) -> None:
    came = sent([zipped(tmp_path, {"bomb.png": bytes(30 * 10**6), "a.png": picture}, zipfile.ZIP_DEFLATED)])
    assert "more than the 25 MB allowed" in str(came.refused[0][1])
    inner = zipped(tmp_path, {"a.png": picture}).read_bytes()
    with pytest.raises(ColorizerError, match="There is no picture among these files"):
        sent([zipped(tmp_path, {"inner.zip": inner})])
    path = zipped(tmp_path, {"a.png": picture})
    path.write_bytes(path.read_bytes().replace(picture[-40:], bytes(40)))
    with pytest.raises(ColorizerError, match=r"a\.png is damaged inside its zip"):
        sent([path]).items[0].open(Folder())
    path.write_bytes(b"no zip")
    with pytest.raises(ColorizerError, match=r"album\.zip is damaged and cannot be opened"):
        sent([path])


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("COLORIZERS_MAX_BATCH_PHOTOS", "2", "These are 3 photos, more than the 2 that one batch may have"),
        ("COLORIZERS_MAX_BATCH_MEGABYTES", "0.001", "more than the 0.001 MB that one batch may have"),
    ],
)
def test_more_than_a_batch_may_have_is_refused_at_once(
    picture: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    path = zipped(tmp_path, {f"{k}.png": picture for k in range(3)})
    monkeypatch.setenv(variable, value)
    get_settings.cache_clear()
    try:
        with pytest.raises(ColorizerError, match=sentence):
            sent([path])
    finally:
        get_settings.cache_clear()


@pytest.mark.parametrize("comment", [b"", b"a comment"])
def test_a_zip_that_lists_far_too_much_is_refused_before_its_list_is_read(tmp_path: Path, comment: bytes) -> None:
    path = tmp_path / "album.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(17_000):
            archive.writestr(f"{k:012}.txt", b"")
        archive.comment = comment
    with small_memory(5), pytest.raises(ColorizerError, match=r"album\.zip lists far more files than one batch"):
        sent([path])


def test_a_zip_whose_list_is_longer_than_itself_is_refused(picture: bytes, tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.png": picture})
    data = bytearray(path.read_bytes())
    data[-10:-6] = (900_000).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ColorizerError, match=r"album\.zip is damaged and cannot be opened"):
        sent([path])
