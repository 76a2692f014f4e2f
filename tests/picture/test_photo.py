import contextlib
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from conftest import encoded
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageOps, ImageSequence, PngImagePlugin
from skimage.color import rgb2lab

from colorizers.errors import ColorizerError
from colorizers.picture.compose import Chroma, compose
from colorizers.picture.finish import Finish
from colorizers.picture.naming import clean_name, shown_name
from colorizers.picture.photo import Photo

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF")
LOSSLESS = {"WEBP": {"lossless": True}}
COLOURS = ("red", "lime", "blue", "yellow", "gray", "navy")


def lightness_of(gray: np.ndarray) -> np.ndarray:
    """L* of gray (H, W) in [0, 1], by scikit-image."""
    return rgb2lab(np.repeat(gray[..., None], 3, -1).astype(np.float64))[..., 0]


def refusal(source, **options) -> str:
    """The one sentence with which something is refused."""
    with pytest.raises(ColorizerError) as caught:
        Photo.open(source, **options)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.count(". ") == 0, "one sentence"
    assert "\n" not in sentence
    assert len(sentence) < 250
    assert "Traceback" not in sentence
    return sentence


def assert_lightness(photo: Photo, gray: np.ndarray, within: float = 0.02) -> None:
    assert photo.lightness.dtype == torch.float32
    assert photo.lightness.shape == gray.shape
    assert np.abs(photo.lightness.numpy() - lightness_of(gray)).max() < within


def colour_image() -> Image.Image:
    """Six fields of colour, 30x20."""
    image = Image.new("RGB", (30, 20))
    for index, colour in enumerate(COLOURS):
        image.paste(colour, (10 * (index % 3), 10 * (index // 3), 10 * (index % 3) + 10, 10 * (index // 3) + 10))
    return image


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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_gray_stored_as_colour_is_not_called_colour(gray_pixels: np.ndarray, kind: str):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels).convert("RGB"), kind))
    assert photo.rgb is None
    assert photo.notes == ()


def oriented(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    return exif


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
    light = (gray / 255) ** 1.8
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert photo.rgb is None
    assert photo.notes == ()
    assert_lightness(photo, expected, within=0.7)


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


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_dpi_is_read(kind: str, gray_pixels: np.ndarray):
    photo = Photo.open(encoded(Image.fromarray(gray_pixels), kind, dpi=(300, 300)))
    assert photo.dpi == pytest.approx((300, 300), abs=0.1)


def test_a_wrong_suffix_does_not_matter(tmp_path: Path, gray_pixels: np.ndarray):
    path = tmp_path / "really_a_jpeg.png"
    path.write_bytes(encoded(Image.fromarray(gray_pixels), "JPEG"))
    assert Photo.open(path).size == (64, 48)


# Names


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("../../etc/passwd.png", "passwd"),
        ("..\\..\\boot.ini.png", "boot.ini"),
        ("<img src=x onerror=alert(1)>.jpg", "img_src_x_onerror_alert_1"),
        ("Tante Käthe, 1932.tif", "Tante_Käthe_1932"),
        ("祖母.png", "祖母"),
        ("...", "photo"),
        ("", "photo"),
        ("a\nb\0c.png", "a_b_c"),
    ],
)
def test_a_photo_gets_a_name_that_can_be_written_anywhere(given: str, clean: str):
    assert clean_name(given) == clean


@given(st.text(max_size=400))
@settings(max_examples=300, deadline=None)
def test_no_name_leaves_its_folder_or_is_too_long(name: str):
    clean = clean_name(name)
    assert Path(clean).name == clean
    assert not clean.startswith((".", "-"))
    assert 0 < len(clean.encode()) <= 80
    shown = shown_name(name)
    assert len(shown) <= 60
    assert not set(shown) & set('<>&"\n\r\0/\\')


def test_hostile_names_do_not_stand_in_sentences(gray_pixels: np.ndarray):
    sentence = refusal(b"no picture", name="../<script>alert('x')</script>.png")
    assert "<" not in sentence
    assert ".." not in sentence
    photo = Photo.open(encoded(Image.fromarray(gray_pixels)), name="../../<b>x</b>.png")
    assert "/" not in photo.name
    assert "<" not in photo.name


# What a network sees


def test_a_faded_print_is_stretched_for_the_network_alone(gray_pixels: np.ndarray):
    faded = (120 + gray_pixels / 255 * 40).astype(np.uint8)
    photo = Photo.open(encoded(Image.fromarray(faded)))
    before = photo.lightness.clone()
    seen, stretched = (photo.network_lightness(64, faded_print=fade) for fade in (False, True))
    assert seen.max() - seen.min() < 25
    assert stretched.max() - stretched.min() > 95
    assert torch.equal(photo.lightness, before)


def test_an_even_picture_is_not_stretched():
    photo = Photo.open(encoded(Image.new("L", (9, 9), 77)))
    assert torch.equal(photo.network_lightness(64, True), photo.network_lightness(64, False))


sides = st.one_of(st.sampled_from([(1, 1), (4000, 10), (10, 4000)]), st.tuples(st.integers(1, 99), st.integers(1, 99)))


@given(sides, st.sampled_from([64, 192, 512]))
@settings(max_examples=40, deadline=None)
def test_every_size_is_opened_shown_to_a_network_and_composed(size: tuple[int, int], working_size: int):
    photo = Photo.open(encoded(Image.new("L", size, 90), compress_level=1))
    assert photo.size == size
    seen = photo.network_lightness(working_size)
    assert min(seen.shape) <= working_size
    assert max(seen.shape) <= 4 * working_size
    assert compose(photo.lightness, Chroma(torch.full((2, 3, 3), 9.0)), Finish()).shape == (size[1], size[0], 3)


@given(sides, st.integers(1, 5000))
@settings(max_examples=40, deadline=None)
def test_a_reduced_photo_keeps_its_shape_and_is_never_enlarged(size: tuple[int, int], long_side: int):
    width, height = size
    photo = Photo(torch.rand(height, width) * 100, alpha=np.full((height, width), 255, np.uint8))
    small = photo.reduced(long_side)
    assert max(small.size) == min(long_side, max(size))
    assert small.alpha.shape == tuple(small.lightness.shape)
    assert min(small.size) == max(1, round(min(size) * max(small.size) / max(size)))


@pytest.mark.parametrize("turns", [-1, 0, 1, 2, 3, 4])
def test_a_rotated_photo_is_turned_in_every_part(turns: int):
    image = colour_image()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    turned = Photo.open(encoded(image)).rotated(turns)
    expected = Photo.open(encoded(image.rotate(90 * turns, expand=True)))
    assert torch.equal(turned.lightness, expected.lightness)
    assert np.array_equal(turned.rgb, expected.rgb)
    assert np.array_equal(turned.alpha, expected.alpha)


def test_the_hash_is_that_of_the_pixels_and_not_of_the_file(gray_pixels: np.ndarray):
    image = Image.fromarray(gray_pixels)
    assert Photo.open(encoded(image)).sha256 == Photo.open(encoded(image, "TIFF")).sha256
    assert Photo.open(encoded(image)).sha256 != Photo.open(encoded(ImageOps.mirror(image))).sha256


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
def test_the_hash_of_a_turned_photo_is_that_of_its_pixels(mode: str):
    image = colour_image().convert("L").convert("F") if mode in ("I;16", "F") else colour_image().convert(mode)
    if mode == "I;16":
        image = Image.fromarray((np.asarray(image) * 200).astype(np.uint16))
    opened = Photo.open(encoded(image, "TIFF"))
    hashes = [opened.rotated(turns).sha256 for turns in range(4)]
    assert len(set(hashes)) == 4
    assert opened.rotated(1).rotated(1).sha256 == hashes[2]
    assert opened.rotated(1).rotated(2).sha256 == opened.rotated(-1).sha256 == hashes[3]
    assert opened.rotated(3).rotated(1).sha256 == opened.rotated(4).sha256 == hashes[0]
    assert Photo.open(encoded(image.transpose(Image.Transpose.ROTATE_90), "TIFF")).sha256 == hashes[1]


# What is refused


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_truncated_file_is_refused(kind: str, share: float):
    noise = np.random.default_rng(1).integers(0, 256, (64, 64), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    refusal(data[: int(len(data) * share)])


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_no_flipped_byte_leads_to_anything_but_a_photo_or_a_sentence(gray_pixels: np.ndarray):
    random, read = np.random.default_rng(2), 0
    for kind in FORMATS:
        data = encoded(Image.fromarray(gray_pixels), kind, **({"exif": oriented(6)} if kind != "BMP" else {}))
        for _ in range(40):
            broken = bytearray(data)
            for position in random.integers(0, min(len(data), 600), 3):
                broken[position] = random.integers(256)
            with contextlib.suppress(ColorizerError):
                assert torch.isfinite(Photo.open(bytes(broken)).lightness).all()
                read += 1
    assert 0 < read < 40 * len(FORMATS), "some are read and some are not"


def test_an_empty_file_is_refused():
    assert "empty" in refusal(b"")


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, body: bytes) -> bytes:
    header = struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def gif() -> bytes:
    return encoded(Image.new("P", (4, 4)), "GIF")


NO_PICTURES = {
    "text": b"Dear aunt, here is the photo.\n" * 50,
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
    "pdf": b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n",
    "gif": gif(),
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "zip": b"PK\x03\x04" + bytes(60),
}


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
def test_what_is_no_picture_is_refused_whatever_it_is_called(data: bytes, tmp_path: Path):
    path = tmp_path / "photo.png"
    path.write_bytes(data)
    sentence = refusal(path)
    assert "photo.png" in sentence
    assert "PNG" in sentence
    assert str(tmp_path) not in sentence


def test_no_pixels_are_refused():
    refusal(png_of(0, 5, zlib.compress(b"")))


def test_huge_dimensions_are_refused_before_decoding():
    assert "60000x60000" in refusal(png_of(60000, 60000, b"")) or "far more pixels" in refusal(
        png_of(60000, 60000, b"")
    )


def test_a_decompression_bomb_is_refused_before_decoding():
    body = zlib.compressobj(9)
    data = b"".join([body.compress(bytes(14001 * 1000)) for _ in range(14)]) + body.flush()
    bomb = png_of(14000, 14000, data)
    assert len(bomb) < 1_000_000
    assert "pixels" in refusal(bomb)


def test_a_bomb_of_text_in_a_small_picture_is_refused():
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", " " * 80_000_000, zip=True)
    data = encoded(Image.new("L", (4, 4)), pnginfo=info)
    assert len(data) < 200_000
    refusal(data)


def test_a_file_over_the_cap_is_refused_before_decoding():
    sentence = refusal(b"\0" * 2_000_001, max_megabytes=2)
    assert "2 MB" in sentence


def test_a_picture_over_the_pixel_cap_is_refused_and_the_sentence_names_it():
    sentence = refusal(encoded(Image.new("1", (8001, 5001))))
    assert "8001x5001" in sentence
    assert "40 megapixels" in sentence


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_no_numbers_are_refused(value: float):
    refusal(encoded(Image.fromarray(np.array([[0.5, value]], np.float32)), "TIFF"))


@pytest.mark.parametrize("name", ["missing.png", "null\0byte.png", "", "x" * 5000])
def test_a_path_that_cannot_be_opened_is_refused(name: str, tmp_path: Path):
    assert str(tmp_path) not in refusal(f"{tmp_path}/{name}")


def test_a_tiff_of_very_many_pages_is_not_read_to_its_end():
    file = io.BytesIO()
    with tifffile.TiffWriter(file) as tiff:
        for _ in range(120):
            tiff.write(np.full((2, 2), 50, np.uint8), contiguous=False, metadata=None)
    photo = Photo.open(file.getvalue())
    assert photo.size == (2, 2)
    assert "Only the first frame of 100 or more was used." in map(str, photo.notes)


def test_a_damaged_second_page_does_not_spoil_the_first(gray_pixels: np.ndarray):
    pages = [Image.fromarray(gray_pixels), Image.new("L", (99, 99))]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    photo = Photo.open(data[: data.rindex(bytes(99 * 99))])
    assert_lightness(photo, gray_pixels / 255)
