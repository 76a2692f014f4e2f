"""Files of pictures that are accepted, and how they are read."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from conftest import encoded
from hostile_files.png import chunk, header, png
from photo_cases import FORMATS, LOSSLESS, assert_lightness, colour_image, lightness_of, oriented, refusal
from PIL import Image, ImageCms, ImageOps, ImageSequence
from skimage.color import rgb2lab

from colorizers.picture.photo import Photo

# What is accepted


@pytest.mark.parametrize("kind", FORMATS)
def test_gray_of_every_format_is_read(kind: str, gray_pixels: np.ndarray):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), kind, **LOSSLESS.get(kind, {})))
    assert photo.size == (64, 48)
    assert np.abs(photo.lightness.numpy() - lightness_of(gray_pixels / 255)).mean() < 2
    if kind in ("PNG", "WEBP", "TIFF", "BMP"):
        assert_lightness(photo, gray_pixels / 255)
        assert photo.rgb is None
        assert photo.notes == ()


@pytest.mark.parametrize("kind", ["path", "text", "bytes", "file"])
def test_a_photo_is_opened_from_a_path_its_bytes_or_a_file(kind: str, gray_pixels: np.ndarray, tmp_path: Path):
    path = tmp_path / "aunt.png"
    path.write_bytes(encoded(Image.fromarray(gray_pixels)))
    sources = {"path": path, "text": str(path), "bytes": path.read_bytes(), "file": io.BytesIO(path.read_bytes())}
    photo = Photo.open(sources[kind])
    assert_lightness(photo, gray_pixels / 255)
    assert photo.name == ("aunt" if kind in ("path", "text") else "photo")


def test_black_and_white_without_gray_is_read():
    image = Image.fromarray(np.eye(9, dtype=np.uint8) * 255).convert("1")
    assert_lightness(Photo.open(encoded(image)), np.eye(9))


def test_gray_with_alpha_keeps_both(gray_pixels: np.ndarray):
    alpha = np.roll(gray_pixels, 7, axis=1)
    photo = Photo.open(encoded(Image.merge("LA", [Image.fromarray(gray_pixels), Image.fromarray(alpha)])))
    assert_lightness(photo, gray_pixels / 255)
    assert photo.rgb is None
    assert np.array_equal(photo.alpha, alpha)


def test_colour_with_alpha_keeps_both():
    image = colour_image()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    photo = Photo.open(encoded(image))
    assert np.array_equal(photo.rgb, np.asarray(image)[..., :3])
    assert np.array_equal(photo.alpha, np.asarray(image)[..., 3])


def test_a_palette_is_looked_up():
    image = colour_image()
    photo = Photo.open(encoded(image.quantize(8)))
    assert np.array_equal(photo.rgb, np.asarray(image.quantize(8).convert("RGB")))
    assert photo.alpha is None


def test_a_palette_with_a_clear_colour_gives_alpha():
    image = colour_image().quantize(8)
    clear = image.getpixel((0, 0))
    photo = Photo.open(encoded(image, transparency=clear))
    assert np.array_equal(photo.alpha == 0, np.asarray(image) == clear)
    assert photo.alpha.max() == 255


@pytest.mark.parametrize(("mode", "clear"), [("L", 0), ("RGB", (255, 0, 0)), ("1", 0)])
def test_a_clear_value_gives_alpha(mode: str, clear):
    image = colour_image().convert(mode)
    photo = Photo.open(encoded(image, transparency=clear))
    same = np.asarray(image) == clear
    assert np.array_equal(photo.alpha == 0, same if same.ndim == 2 else same.all(-1))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_clear_value_of_few_bits_gives_alpha(bits: int):
    row = {1: b"\x60", 2: b"\x1b", 4: b"\x12\x30", 8: b"\1\2\3\0"}[bits]  # 2 is the second or third of four
    clear = 1 if bits == 1 else 2
    data = png(header(4, 1, bits), chunk(b"tRNS", bytes((0, clear))), chunk(b"IDAT", zlib.compress(b"\0" + row)))
    expected = {1: [255, 0, 0, 255], 2: [255, 255, 0, 255], 4: [255, 0, 255, 255], 8: [255, 0, 255, 255]}[bits]
    assert Photo.open(data).alpha.tolist() == [expected]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_is_read(kind: str):
    image = Image.new("CMYK", (8, 6), (0, 0, 0, 128))
    photo = Photo.open(encoded(image, kind))
    assert_lightness(photo, np.full((6, 8), 127 / 255), within=1)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("white_is_zero", [False, True])
def test_16_bit_gray_tiff_is_read_in_both_byte_orders_and_polarities(order: str, white_is_zero: bool):
    values = np.linspace(0, 65535, 40 * 30).reshape(30, 40).round().astype(np.uint16)
    file = io.BytesIO()
    photometric = "miniswhite" if white_is_zero else "minisblack"
    tifffile.imwrite(file, values, byteorder=order, photometric=photometric)
    photo = Photo.open(file.getvalue())
    assert photo.bits == 16
    assert_lightness(photo, (65535 - values if white_is_zero else values) / 65535, within=0.002)


def test_16_bit_gray_png_is_read():
    values = np.linspace(0, 65535, 40 * 30).reshape(30, 40).round().astype(np.uint16)
    photo = Photo.open(encoded(Image.fromarray(values)))
    assert photo.bits == 16
    assert_lightness(photo, values / 65535, within=0.002)
    assert len(np.unique(photo.lightness)) > 1000


def test_16_bit_gray_png_with_a_clear_value_gives_alpha():
    values = np.array([[0, 300, 65535]], np.uint16)
    photo = Photo.open(encoded(Image.fromarray(values), transparency=300))
    assert photo.alpha.tolist() == [[255, 0, 255]]


def test_32_bit_gray_tiff_is_read():
    values = np.linspace(0, 65535, 40 * 30).reshape(30, 40).round().astype(np.int32)
    photo = Photo.open(encoded(Image.fromarray(values), "TIFF"))
    assert_lightness(photo, values / 65535, within=0.002)


@pytest.mark.parametrize("top", [1.0, 255.0, 65535.0])
def test_float_tiff_is_read_on_the_scale_that_it_uses(top: float):
    gray = np.linspace(0, 1, 40 * 30, dtype=np.float32).reshape(30, 40)
    photo = Photo.open(encoded(Image.fromarray(gray * np.float32(top)), "TIFF"))
    assert photo.bits == 16
    assert photo.notes == ()
    assert_lightness(photo, gray, within=0.01)


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_values_beyond_any_scale_are_stretched_and_a_note_says_so(dtype: type):
    values = np.linspace(-1000, 90000, 40 * 30).reshape(30, 40).astype(dtype)
    photo = Photo.open(encoded(Image.fromarray(values), "TIFF"))
    assert_lightness(photo, (values - values.min()) / float(values.max() - values.min()), within=0.01)
    assert "-1000" in str(photo.notes[0])


@pytest.mark.parametrize("value", [-5.0, 1e6, 3e38, -3e38])
def test_one_value_beyond_any_scale_is_still_a_picture(value: float):
    photo = Photo.open(encoded(Image.fromarray(np.full((3, 4), value, np.float32)), "TIFF"))
    assert torch.isfinite(photo.lightness).all()


def test_the_widest_floats_are_stretched_without_overflow():
    values = np.array([[-3e38, 0, 3e38]], np.float32)
    photo = Photo.open(encoded(Image.fromarray(values), "TIFF"))
    assert_lightness(photo, np.array([[0, 0.5, 1]]), within=0.01)


@pytest.mark.parametrize("channels", [3, 4])
def test_48_bit_colour_is_read_as_8_bit_with_a_note(channels: int):
    values = np.random.default_rng(0).integers(0, 65536, (20, 30, channels), dtype=np.uint16)
    file = io.BytesIO()
    extra = {"extrasamples": ["unassalpha"]} if channels == 4 else {}
    tifffile.imwrite(file, values, photometric="rgb", **extra)
    photo = Photo.open(file.getvalue())
    assert photo.rgb.shape == (20, 30, 3)
    assert "16 bits per channel were read as 8." in map(str, photo.notes)


def test_a_colour_photo_gives_its_luminance_its_colours_and_a_note():
    photo = Photo.open(encoded(colour_image()))
    assert np.abs(photo.lightness.numpy() - rgb2lab(np.asarray(colour_image()))[..., 0]).max() < 0.05
    assert np.array_equal(photo.rgb, np.asarray(colour_image()))
    assert any("already has colour" in str(note) for note in photo.notes)


@pytest.mark.parametrize("white", ["#f3e2bd", "#c8d4f0"])
def test_a_toned_print_is_not_called_a_colour_photo(gray_pixels: np.ndarray, white: str):
    toned = ImageOps.colorize(Image.fromarray(gray_pixels), black="#1c120a", white=white)
    photo = Photo.open(encoded(toned, "JPEG"))
    assert [str(note) for note in photo.notes] == ["The photo has one even tint: only its luminance was used."]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_gray_stored_as_colour_is_not_called_colour(gray_pixels: np.ndarray, kind: str):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels).convert("RGB"), kind))
    assert photo.rgb is None
    assert photo.notes == ()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_is_applied_once(value: int, kind: str):
    pixels = np.zeros((24, 40), np.uint8)
    pixels[:12, :20] = 220
    pixels[12:, :20] = 120
    data = encoded(Image.fromarray(pixels), kind, exif=oriented(value), **LOSSLESS.get(kind, {}))
    upright = Image.fromarray(pixels)
    upright.info["exif"] = oriented(value).tobytes()
    expected = np.asarray(ImageOps.exif_transpose(upright))
    photo = Photo.open(data)
    assert photo.lightness.shape == expected.shape
    assert np.abs(photo.lightness.numpy() - lightness_of(expected / 255)).mean() < 2


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("value", range(1, 9))
def test_exif_orientation_of_16_bit_gray_is_applied_once(value: int, kind: str):
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 10000
    upright = Image.fromarray(values)
    upright.info["exif"] = oriented(value).tobytes()
    expected = np.asarray(ImageOps.exif_transpose(upright))
    photo = Photo.open(encoded(Image.fromarray(values), kind, exif=oriented(value)))
    assert_lightness(photo, expected / 65535, within=0.002)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_orientation_tag_of_a_16_bit_tiff_is_applied_once(order: str, compression: str | None):
    values = np.arange(6, dtype=np.uint16).reshape(2, 3) * 10000
    file = io.BytesIO()
    tifffile.imwrite(file, values, byteorder=order, compression=compression, extratags=[(274, 3, 1, 6, True)])
    assert_lightness(Photo.open(file.getvalue()), np.rot90(values, -1) / 65535, within=0.002)


HOSTILE_EXIF = {
    "no exif": b"Exif\0\0" + bytes(range(256)),
    "nothing": b"Exif\0\0",
    "cut off": oriented(6).tobytes()[:-6],
    "offset beyond the end": b"Exif\0\0MM\0*\xff\xff\xff\xff",
    "a million entries": b"Exif\0\0MM\0*\0\0\0\x08\xff\xff",
    "an orientation that is none": oriented(77).tobytes(),
}


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("exif", HOSTILE_EXIF.values(), ids=HOSTILE_EXIF)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_with_broken_exif_is_still_a_photo(exif: bytes, kind: str, gray_pixels: np.ndarray):
    assert Photo.open(encoded(Image.fromarray(gray_pixels), kind, exif=exif)).size == (64, 48)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF"])
def test_only_the_first_frame_of_several_is_used_and_a_note_says_so(kind: str):
    first, *others = (Image.new("L", (16, 16), tone) for tone in (40, 120, 200))
    data = encoded(first, kind, save_all=True, append_images=others)
    assert sum(1 for _ in ImageSequence.Iterator(Image.open(io.BytesIO(data)))) == 3
    photo = Photo.open(data)
    assert np.abs(photo.lightness.numpy() - lightness_of(np.full((16, 16), 40 / 255))).max() < 1
    assert any("first frame of 3" in str(note) for note in photo.notes)


def test_a_photo_with_a_gain_map_behind_it_is_read(gray_pixels: np.ndarray):
    first, second = Image.fromarray(gray_pixels).convert("RGB"), Image.new("RGB", (16, 16))
    photo = Photo.open(encoded(first, "MPO", save_all=True, append_images=[second]))
    assert photo.size == (64, 48)


def icc_profile(space: bytes, **tags: bytes) -> bytes:
    """An ICC profile of a display (ICC.1:2001), byte by byte."""
    white = xyz(0.9642, 1.0, 0.8249)
    tags = {"wtpt": white, "desc": b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78)} | tags
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name.encode() + struct.pack(">2I", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s28x", start + len(body), 0x02100000, b"mntr", space, b"XYZ ", b"acsp")
    return (head + white[8:]).ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(value * 65536) for value in values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


GRAY_PROFILE = icc_profile(b"GRAY", kTRC=gamma(1.8))
RED_AND_BLUE_SWAPPED = icc_profile(
    b"RGB ",
    rXYZ=xyz(0.1431, 0.0606, 0.7141),
    gXYZ=xyz(0.3851, 0.7169, 0.0971),
    bXYZ=xyz(0.4361, 0.2225, 0.0139),
    **{f"{channel}TRC": gamma(2.2) for channel in "rgb"},
)


def test_a_gray_profile_is_applied_and_gray_stays_gray():
    gray = np.arange(16, 256).astype(np.uint8)[None].repeat(4, 0)
    photo = Photo.open(encoded(Image.fromarray(gray), icc_profile=GRAY_PROFILE))
    assert photo.rgb is None
    assert photo.notes == ()
    assert_lightness(photo, srgb_of((gray / 255) ** 1.8), within=0.7)


@pytest.mark.parametrize("mode", ["RGB", "P", "RGBA"])
def test_a_colour_profile_is_applied(mode: str):
    image = colour_image().quantize(8) if mode == "P" else colour_image().convert(mode)
    photo = Photo.open(encoded(image, icc_profile=RED_AND_BLUE_SWAPPED))
    assert np.abs(photo.rgb.astype(int) - np.asarray(colour_image())[..., ::-1]).max() < 12
    assert not any("profile" in str(note) for note in photo.notes)


@pytest.mark.parametrize("profile", [b"no profile", GRAY_PROFILE], ids=["broken", "of another colour space"])
def test_a_profile_that_cannot_be_applied_is_left_aside_with_a_note(profile: bytes):
    photo = Photo.open(encoded(colour_image(), icc_profile=profile))
    assert np.array_equal(photo.rgb, np.asarray(colour_image()))
    assert any("profile" in str(note) for note in photo.notes)


def described(name: bytes) -> bytes:
    return b"desc\0\0\0\0" + struct.pack(">I", len(name) + 1) + name + bytes(79)


LINEAR = icc_profile(
    b"RGB ",
    desc=described(b"GIMP built-in Linear sRGB"),
    rXYZ=xyz(0.4361, 0.2225, 0.0139),
    gXYZ=xyz(0.3851, 0.7169, 0.0971),
    bXYZ=xyz(0.1431, 0.0606, 0.7141),
    **{f"{channel}TRC": gamma(1) for channel in "rgb"},
)


def srgb_of(light: np.ndarray) -> np.ndarray:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_profile_is_applied_whatever_its_name(mode: str):
    gray = np.arange(8, 256).astype(np.uint8)[None].repeat(4, 0)
    photo = Photo.open(encoded(Image.fromarray(gray).convert(mode), icc_profile=LINEAR))
    assert photo.notes == ()
    assert_lightness(photo, srgb_of(gray / 255), within=0.7)


def test_the_usual_profile_changes_nothing():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = Photo.open(encoded(colour_image(), icc_profile=profile))
    assert np.array_equal(photo.rgb, np.asarray(colour_image()))
    gray = Photo.open(encoded(Image.linear_gradient("L"), icc_profile=profile))
    assert np.array_equal(gray.gray, np.asarray(Image.linear_gradient("L")))
    assert gray.notes == ()


@pytest.mark.parametrize("top", [65535, 1.0])
def test_the_tones_of_deep_gray_are_those_of_its_profile(top: float):
    gray = np.linspace(0, 1, 4000).reshape(40, 100)
    values = (gray * top).round().astype(np.uint16) if top > 1 else gray.astype(np.float32)
    photo = Photo.open(encoded(Image.fromarray(values), "TIFF", icc_profile=GRAY_PROFILE))
    assert photo.bits == 16
    assert photo.notes == ()
    assert_lightness(photo, srgb_of(gray**1.8), within=0.4)
    assert len(np.unique(photo.lightness)) > 3000


def test_a_profile_of_colours_is_left_aside_with_a_note_in_deep_gray():
    photo = Photo.open(encoded(Image.fromarray(np.full((3, 3), 30000, np.uint16)), "TIFF", icc_profile=LINEAR))
    assert_lightness(photo, np.full((3, 3), 30000 / 65535), within=0.01)
    assert any("profile" in str(note) for note in photo.notes)


# Files that lack their end


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("lacks", [1, 2, 40])
def test_a_jpeg_that_lacks_little_of_its_end_is_read(progressive: bool, lacks: int):
    image = Image.effect_noise((200, 320), 40)
    data = encoded(image, "JPEG", progressive=progressive)
    photo, whole = Photo.open(data[:-lacks]), Photo.open(data)
    guessed = [note for note in photo.notes if "The end of the file is missing" in str(note)]
    assert len(guessed) == (lacks > 2)
    assert (photo.lightness != whole.lightness).any(1).sum() <= 16
    assert torch.equal(photo.lightness[:-16], whole.lightness[:-16])


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.85])
def test_a_jpeg_that_lacks_much_is_refused(progressive: bool, share: float):
    data = encoded(Image.effect_noise((200, 320), 40), "JPEG", progressive=progressive)
    assert "cut off" in refusal(data[: int(share * len(data))])


def test_a_git_lfs_pointer_is_named():
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
    assert "git lfs pull" in refusal(pointer, name="cat.jpg")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_dpi_is_read(kind: str, gray_pixels: np.ndarray):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), kind, dpi=(300, 300)))
    assert photo.dpi == pytest.approx((300, 300), abs=0.1)


def test_a_wrong_suffix_does_not_matter(tmp_path: Path, gray_pixels: np.ndarray):
    path = tmp_path / "really_a_jpeg.png"
    path.write_bytes(encoded(Image.fromarray(gray_pixels), "JPEG"))
    assert Photo.open(path).size == (64, 48)
