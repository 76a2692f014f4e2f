import json
import struct
import zlib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile
import torch
from conftest import encoded
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin
from skimage.color import rgb2lab

from colorizers.errors import ColorizerError
from colorizers.picture.compose import Chroma
from colorizers.picture.finish import Finish
from colorizers.picture.photo import Photo
from colorizers.picture.record import PNG_KEY, Record, read_record
from colorizers.picture.result import Coloring, Result

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff")
THUMBNAIL = b"\xff\xd8 the face of aunt \xff\xd9"
RECORD = Record(
    method="trivial",
    options={"steps": 4, "seed": 7, "text": 'a "quoted" <b>&amp;</b> 祖母\n', "share": 0.1, "flag": True, "none": None},
    finish=Finish(warmth=0.25).model_dump(),
    weights={"unet/lab": "0" * 64},
    pictures={"reference": "1" * 64},
    input_sha256="2" * 64,
    versions={"colorizers": "0.1.0"},
)


def result_of(photo: Photo) -> Result:
    ab = 60 * torch.rand(2, 6, 8, generator=torch.Generator().manual_seed(0)) - 30
    return Result(photo, Coloring(Chroma(ab), RECORD, seconds=0.1), Finish(**RECORD.finish))


@pytest.fixture
def result(gray_photo: Photo) -> Result:
    return result_of(gray_photo)


@pytest.fixture
def clear_result(gray_pixels: np.ndarray) -> Result:
    """Of a photo with every degree of transparency."""
    alpha = np.roll(gray_pixels, 9, axis=1)
    return result_of(Photo.open(encoded(Image.merge("LA", [Image.fromarray(gray_pixels), Image.fromarray(alpha)]))))


def gps_exif() -> bytes:
    """EXIF of a phone: turned, with a place, a camera and a thumbnail."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Model] = "Camera of aunt"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    tiff = bytearray(exif.tobytes()[6:])
    order = "<" if tiff[:2] == b"II" else ">"
    link = 8 + 2 + 12 * struct.unpack_from(f"{order}H", tiff, 8)[0]
    tiff += bytes(len(tiff) % 2)
    struct.pack_into(f"{order}I", tiff, link, len(tiff))
    thumbnail = len(tiff) + 2 + 2 * 12 + 4
    tiff += struct.pack(f"{order}H2HII2HIII", 2, 0x0201, 4, 1, thumbnail, 0x0202, 4, 1, len(THUMBNAIL), 0)
    return b"Exif\0\0" + bytes(tiff) + THUMBNAIL


def refusal(path: Path) -> str:
    with pytest.raises(ColorizerError) as caught:
        read_record(path)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0
    assert "\n" not in sentence
    assert str(path.parent) not in sentence
    return sentence


# Saving


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_picture_and_its_record_survive_saving(result: Result, suffix: str, tmp_path: Path):
    path = tmp_path / f"out{suffix}"
    assert result.save(path) == ()
    assert read_record(path) == RECORD
    with Image.open(path) as image:
        assert image.size == (64, 48)
        assert image.mode == "RGB"
        error = np.abs(np.asarray(image).astype(int) - result.pixels())
    assert error.max() == 0 if suffix in (".png", ".tif", ".tiff") else error.mean() < 6


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tiff"])
def test_alpha_survives_saving(clear_result: Result, suffix: str, tmp_path: Path):
    path = tmp_path / f"out{suffix}"
    assert clear_result.save(path) == ()
    with Image.open(path) as image:
        assert image.mode == "RGBA"
        assert np.array_equal(np.asarray(image)[..., 3], clear_result.photo.alpha)


def test_alpha_is_laid_on_white_in_jpeg_and_a_note_says_so(clear_result: Result, tmp_path: Path):
    notes = clear_result.save(tmp_path / "out.jpg")
    assert "white" in str(notes[0])
    with Image.open(tmp_path / "out.jpg") as image:
        clear = np.asarray(image)[clear_result.photo.alpha == 0]
    assert clear.mean() > 240


@pytest.mark.parametrize("photo", ["gray_photo", "clear"])
def test_16_bit_tiff_holds_16_bits(photo: str, result: Result, clear_result: Result, tmp_path: Path):
    chosen = result if photo == "gray_photo" else clear_result
    path = tmp_path / "out.tiff"
    chosen.save(path, bits=16)
    pixels = tifffile.imread(path)
    assert pixels.dtype == np.uint16
    assert len(np.unique(pixels)) > 600, "more levels than 8 bits have"
    lightness = rgb2lab(pixels[..., :3] / 65535)[..., 0]
    assert np.abs(lightness - chosen.photo.lightness.numpy()).mean() <= 0.01
    if photo == "clear":
        assert np.array_equal(pixels[..., 3] // 257, chosen.photo.alpha)
    assert read_record(path) == RECORD


def test_16_bits_are_for_tiff_alone(result: Result, tmp_path: Path):
    with pytest.raises(ColorizerError, match="TIFF"):
        result.save(tmp_path / "out.png", bits=16)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("bits", [8, 16])
def test_nothing_of_the_uploads_exif_is_left(gray_pixels: np.ndarray, suffix: str, bits: int, tmp_path: Path):
    if bits == 16 and "tif" not in suffix:
        bits = 8
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), "JPEG", exif=gps_exif()))
    path = tmp_path / f"out{suffix}"
    result_of(photo).save(path, bits=bits)
    assert b"Camera of aunt" not in path.read_bytes()
    with Image.open(path) as image:
        assert not image.getexif().get_ifd(ExifTags.IFD.GPSInfo)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_exif_asked_for_is_kept_upright_and_without_its_thumbnail(gray_pixels: np.ndarray, suffix: str, tmp_path: Path):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), "JPEG", exif=gps_exif()))
    assert THUMBNAIL in photo.exif
    path = tmp_path / f"out{suffix}"
    assert result_of(photo).save(path, keep_exif=True) == ()
    with Image.open(path) as image:
        assert image.size == (48, 64), "already turned"
        exif = image.getexif()
        assert exif.get(ExifTags.Base.Orientation, 1) == 1
        assert exif[ExifTags.Base.Model] == "Camera of aunt"
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"
        assert not exif.get_ifd(ExifTags.IFD.IFD1)
    assert THUMBNAIL not in path.read_bytes()
    assert read_record(path) == RECORD


def test_the_exif_of_a_tiff_is_kept_when_asked_for(gray_pixels: np.ndarray, tmp_path: Path):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), "TIFF", exif=gps_exif()))
    result_of(photo).save(tmp_path / "out.jpg", keep_exif=True)
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.getexif()[ExifTags.Base.Model] == "Camera of aunt"
        assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1


@pytest.mark.parametrize("exif", [b"Exif\0\0" + bytes(range(200)), gps_exif()[:-20]], ids=["no exif", "cut off"])
def test_broken_exif_does_not_stop_saving(gray_pixels: np.ndarray, exif: bytes, tmp_path: Path):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), "PNG", exif=exif))
    result_of(photo).save(tmp_path / "out.jpg", keep_exif=True)
    assert read_record(tmp_path / "out.jpg") == RECORD


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tiff"])
@pytest.mark.parametrize("bits", [8, 16])
def test_dpi_are_kept(gray_pixels: np.ndarray, suffix: str, bits: int, tmp_path: Path):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), "TIFF", dpi=(300, 200)))
    path = tmp_path / f"out{suffix}"
    result_of(photo).save(path, bits=bits if suffix == ".tiff" else 8)
    with Image.open(path) as image:
        assert image.info["dpi"] == pytest.approx((300, 200), abs=0.1)


@pytest.mark.parametrize("dpi", [(0.4, 0.4), (99999, 99999)])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_strange_dpi_do_not_stop_saving(dpi: tuple[float, float], suffix: str, tmp_path: Path):
    photo = Photo(torch.full((4, 4), 50.0), dpi=dpi)
    result_of(photo).save(tmp_path / f"out{suffix}")
    assert read_record(tmp_path / f"out{suffix}") == RECORD


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_file_says_that_the_colours_are_machine_made(result: Result, suffix: str, tmp_path: Path):
    path = tmp_path / f"out{suffix}"
    result.save(path)
    data = path.read_bytes()
    assert b"Iptc4xmpExt:DigitalSourceType" in data
    assert b"digitalsourcetype/compositeWithTrainedAlgorithmicMedia" in data
    packet = ElementTree.fromstring(data[data.index(b"<x:xmpmeta") : data.index(b"</x:xmpmeta>") + 12])
    assert "machine-made" in "".join(packet.itertext())


def test_png_tells_viewers_its_parameters(result: Result, tmp_path: Path):
    result.save(tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as image:
        assert "Method: trivial" in image.info["parameters"]
        assert "Seed: 7" in image.info["parameters"]


def test_an_unknown_suffix_is_refused(result: Result, tmp_path: Path):
    with pytest.raises(ColorizerError, match="must end in"):
        result.save(tmp_path / "out.gif")


@pytest.mark.parametrize(("suffix", "longest"), [(".jpg", 65500), (".webp", 16383)])
def test_a_side_too_long_for_the_format_is_refused_and_the_longest_is_not(suffix: str, longest: int, tmp_path: Path):
    result_of(Photo(torch.full((1, longest), 50.0))).save(tmp_path / f"out{suffix}")
    with pytest.raises(ColorizerError, match="PNG"):
        result_of(Photo(torch.full((1, longest + 1), 50.0))).save(tmp_path / f"long{suffix}")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_one_pixel_is_saved(suffix: str, tmp_path: Path):
    result_of(Photo(torch.full((1, 1), 50.0))).save(tmp_path / f"out{suffix}")
    assert Image.open(tmp_path / f"out{suffix}").size == (1, 1)


# Finishing again


def test_another_finish_gives_other_pixels_and_is_in_the_record(result: Result):
    warm = result.finished(Finish(warmth=1))
    assert warm.coloring.outcome is result.coloring.outcome
    assert warm.record.finish["warmth"] == 1
    assert (warm.pixels() != result.pixels()).any()
    assert result.record.finish["warmth"] == 0.25, "the old result is left as it was"


def test_a_preview_is_small_and_has_the_same_colours(result: Result):
    preview = result.preview(16)
    assert preview.photo.size == (16, 12)
    assert np.abs(preview.pixels().mean((0, 1)) - result.pixels().mean((0, 1))).max() < 6


# Records of strangers


def png_with(text: str, path: Path, zipped: bool = False) -> Path:
    info = PngImagePlugin.PngInfo()
    info.add_text(PNG_KEY, text, zip=zipped)
    Image.new("RGB", (2, 2)).save(path, pnginfo=info)
    return path


def changed(**values) -> str:
    return json.dumps(RECORD.model_dump() | values)


HOSTILE = {
    "not JSON": "{",
    "not an object": "[1, 2]",
    "nested without end": "[" * 30_000,
    "a number too long": '{"version": ' + "1" * 6000 + "}",
    "another version": changed(version=2),
    "an unknown key": changed(extra=1),
    "a key too few": json.dumps({"version": 1, "method": "unet"}),
    "an option that is a list": changed(options={"steps": [1]}),
    "a method name without end": changed(method="x" * 5000),
    "a hash that is none": changed(input_sha256=7),
    "too large": changed(options={"text": "x" * 100_000}),
    "empty": "",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_record_is_refused(text: str, tmp_path: Path):
    refusal(png_with(text, tmp_path / "result.png"))


def test_a_record_that_blows_up_is_refused(tmp_path: Path):
    path = png_with(" " * 60_000_000, tmp_path / "result.png", zipped=True)
    assert path.stat().st_size < 200_000
    refusal(path)


@given(st.text(max_size=300), st.sampled_from(["png", "jpg"]))
@settings(max_examples=50, deadline=None)
def test_no_text_in_a_record_gets_lost_or_breaks_its_packet(tmp_path_factory, text: str, suffix: str):
    path = tmp_path_factory.getbasetemp() / f"text.{suffix}"
    record = RECORD.model_copy(update={"options": {"text": text}})
    coloring = Coloring(Chroma(torch.zeros(2, 1, 1)), record, 0.0)
    Result(Photo(torch.full((1, 1), 50.0)), coloring, Finish(**record.finish)).save(path)
    assert read_record(path) == record


@pytest.mark.parametrize("data", [b"", b"no picture", encoded(Image.new("L", (2, 2))), b"\x89PNG\r\n\x1a\n"])
def test_a_file_without_a_record_is_refused(data: bytes, tmp_path: Path):
    (tmp_path / "a<b>.png").write_bytes(data)
    assert "<" not in refusal(tmp_path / "a<b>.png")


def test_a_missing_file_is_refused(tmp_path: Path):
    refusal(tmp_path / "missing.png")


def test_a_bomb_in_place_of_a_result_is_refused(tmp_path: Path):
    path = tmp_path / "bomb.png"
    data = bytearray(encoded(Image.new("1", (1, 1))))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(bytes(data[12:29])).to_bytes(4, "big")
    path.write_bytes(data)
    refusal(path)


def test_an_older_records_options_have_the_names_of_today(tmp_path: Path):
    older = RECORD.model_copy(update={"options": {"calm": 4, "seed": 1}})
    coloring = Coloring(Chroma(torch.zeros(2, 1, 1)), older, 0.0)
    Result(Photo(torch.full((1, 1), 50.0)), coloring, Finish(**older.finish)).save(tmp_path / "older.png")
    assert read_record(tmp_path / "older.png").options == {"samples_per_result": 4, "seed": 1}
