"""Some hundreds of hostile files: each is a photo or one sentence, small in memory, and the next photo opens."""

import pytest
from hostile_files import BOMBS, FILES, NAMES, OPENED, REFUSED, good
from memory import small_memory
from photo_cases import sentence_on

from colorizers.picture.photo import Photo

SMALL = 100  # MB; a photo of 40 megapixels, which is the most that is taken, has more


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("name", [name for name in FILES if name not in BOMBS])
def test_a_file_is_a_photo_or_one_sentence_and_the_next_one_opens(name: str):
    sentence = sentence_on(FILES[name]())
    if name in OPENED:
        assert sentence is None
    if name in REFUSED:
        assert sentence is not None
    assert sentence_on(good()) is None


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_memory(name: str):
    data = BOMBS[name]()
    assert len(data) < 25e6, "small enough to be sent"
    with small_memory(SMALL):
        sentence = sentence_on(data)
    assert (sentence is None) == (name in OPENED)
    assert sentence_on(good()) is None


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("data", [good(), b"no picture"], ids=["photo", "no photo"])
def test_a_name_does_no_harm(name: str, data: bytes):
    sentence = sentence_on(data, name)
    assert (sentence is None) == (data == good())
    assert not {"\u202e", "/", "\\"} & set(sentence or "")
    stem = Photo.open(good(), name=name).name
    assert not {"/", "\\", "\0", "<", " "} & set(stem)
    assert 0 < len(stem.encode()) <= 80
    assert not stem.startswith((".", "-"))


def test_there_are_hundreds_and_each_is_small():
    assert len(FILES) > 500
    assert {*OPENED} <= {*FILES}
