"""A decoded photo: names, what a network sees of it, turning."""

from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import encoded
from hypothesis import given, settings
from hypothesis import strategies as st
from photo_cases import colour_image, refusal
from PIL import Image, ImageOps

from colorizers.picture.compose import Chroma, compose
from colorizers.picture.finish import Finish
from colorizers.picture.naming import clean_name, shown_name
from colorizers.picture.photo import Photo

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


@pytest.mark.parametrize("name", ["हिन्दी_चित्र", "Gro\u0308ße", "ภาพถ่าย", "a__b", "Đà_Nẵng"])
def test_letters_keep_what_belongs_to_them(name: str):
    assert clean_name(f"{name}.png") == name
    assert shown_name(f"{name}.png") == f"{name}.png"
