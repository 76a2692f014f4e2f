"""The catalogue of sentences: complete, without a rest, worded in any language, and plain."""

import ast
import json
import pickle
import re
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import colorizers
from colorizers import words
from colorizers.errors import ColorizerError, NotFinite
from colorizers.methods.catalog import METHODS, REGISTRY
from colorizers.options import Options, Words, controls, validated
from colorizers.picture.exports import Exports
from colorizers.picture.finish import Finish, Looks
from colorizers.picture.photo import Photo
from colorizers.picture.sheet import SheetOptions
from colorizers.training.recipe import TrainingPlan
from colorizers.weights.loading import check_fit
from colorizers.weights.store import missing_weights
from colorizers.words import ENGLISH, Text, fields

PACKAGE = Path(colorizers.__file__).parent
CATALOGUE = words.templates.__wrapped__(ENGLISH)
"""As the file has it, without what other tests add."""
MODELS: list[type[Options]] = [
    Finish,
    Looks,
    Exports,
    SheetOptions,
    TrainingPlan,
    *dict.fromkeys(method.info.options for method in METHODS.values()),
]
TREES = [ast.parse(path.read_text(), str(path)) for path in sorted(PACKAGE.rglob("*.py"))]
LINES_OF_A_LOG = ("training.step", "training.validation")  # have columns
LOUD = "loud"
SAME_IN_CHINESE = {
    "", "x", "MB", "zh-CN", "SHA256", "Colorizers",
    "U-Net", "ResNet U-Net", "AdaIN", "Transformer", "GAN", "MultiColor", "CNN", "VGG-19", "ResNet-34", "Swin-B",
    "Stable Diffusion 1.4", "Stable Diffusion 1.5", "MiDaS", "Depth Anything", "DPT",
    "DDIM", "UniPC", "DPM++ 2M", "L-BFGS", "Adam", "EMA",
    "CIEDE2000", "CIEDE2000 @ 85%", "ab RMSE", "PSNR dB", "SSIM", "LPIPS", "FID", "KID", "CF", "dCF",
}  # fmt: skip
"""Names, formats and units."""


def calls(*names: str) -> Iterator[ast.Call]:
    """The calls of these functions in all of the package."""
    for node in (node for tree in TREES for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def literal(node: ast.AST) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def place(node: ast.Call) -> str:
    return ast.unparse(node)[:120]


TEXTS = list(calls("Text"))
LITERAL_IDS = {id for call in TEXTS if (id := literal(call.args[0])) is not None}
MISTAKES = {
    id
    for error in calls("ColorizerError", "NotFinite")
    for call in ast.walk(error)
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Text"
    if (id := literal(call.args[0])) is not None and call in [error.args[0], *(each.value for each in error.keywords)]
}


def ids_in(value: object) -> Iterator[str]:
    """The ids of a text and of the texts among its parameters."""
    if isinstance(value, Text):
        yield value.id
        for _, parameter in value.parameters:
            yield from ids_in(parameter)


def of_options() -> list[Words]:
    return [entry.words for model in MODELS for entry in controls(model)]


def ids_of_options() -> set[str]:
    return {
        id for each in of_options() for text in (each.label, each.help, *each.labels.values()) for id in ids_in(text)
    }


# The code and the catalogue


def test_every_id_in_the_code_is_in_the_catalogue():
    assert len(LITERAL_IDS) > 100
    assert LITERAL_IDS - CATALOGUE.keys() == set()
    for call in TEXTS:
        if literal(call.args[0]) is None:
            assert any(pattern(call.args[0]).fullmatch(id) for id in CATALOGUE), place(call)


def pattern(node: ast.AST) -> re.Pattern[str]:
    """What the ids look like that an f-string stands for."""
    assert isinstance(node, ast.JoinedStr), f"{ast.unparse(node)} names no id"
    return re.compile("".join(".+" if literal(part) is None else re.escape(literal(part)) for part in node.values))


def test_every_entry_of_the_catalogue_is_used():
    made = [pattern(call.args[0]) for call in TEXTS if literal(call.args[0]) is None]
    elsewhere = [each for each in made if not each.pattern.startswith("options")]
    used = LITERAL_IDS | ids_of_options() | {id for id in CATALOGUE if any(each.fullmatch(id) for each in elsewhere)}
    assert CATALOGUE.keys() - used == set()


def test_every_text_in_the_code_has_the_parameters_of_its_template():
    for call in TEXTS:
        named = {keyword.arg for keyword in call.keywords}
        if literal(call.args[0]) is not None and None not in named:
            assert named == fields(CATALOGUE[literal(call.args[0])]), place(call)


def test_parameters_are_data_or_texts_and_never_words():
    for call in TEXTS:
        for node in (node for keyword in call.keywords for node in ast.walk(keyword.value)):
            assert not re.search(r"[A-Za-z] [A-Za-z]", literal(node) or ""), place(call)


def test_every_mistake_is_in_the_catalogue():
    assert len(MISTAKES) > 80
    for error in calls("ColorizerError", "NotFinite"):
        for node in (error.args[0], *(keyword.value for keyword in error.keywords)):
            assert not isinstance(node, ast.JoinedStr | ast.Constant), place(error)


# Texts


def test_a_text_names_an_entry_and_takes_its_parameters():
    assert str(Text("photo.empty", name="a.png")) == "a.png is empty (0 bytes); choose another file."
    with pytest.raises(KeyError, match=r"photo\.nothing"):
        Text("photo.nothing")
    with pytest.raises(TypeError, match="name"):
        Text("photo.empty")
    with pytest.raises(TypeError, match="more"):
        Text("photo.empty", name="a.png", more=1)


def test_texts_are_values():
    one, same = (Text("methods.unknown", methods=["a", "b"], name="x") for _ in range(2))
    other = Text("methods.unknown", name="x", methods=("a", "b"))
    assert one == same == other != Text("methods.unknown", name="y", methods=("a", "b"))
    assert len({one, same, other}) == 1
    assert pickle.loads(pickle.dumps(one)) == one  # noqa: S301 - our own
    assert str(one) == "There is no method 'x'; the methods are: a, b."


@pytest.mark.parametrize("kind", [ColorizerError, NotFinite])
def test_a_mistake_carries_its_texts_and_can_be_pickled(kind: type[ColorizerError]):
    text, public = Text("photo.empty", name="a.png"), Text("weights.missing-for-visitors", names="x")
    error = pickle.loads(pickle.dumps(kind(text, for_visitors=public)))  # noqa: S301 - our own
    assert type(error) is kind
    assert (str(error), error.text, error.for_visitors) == (str(text), text, public)
    assert kind(text).for_visitors == text


# Another language


@pytest.fixture
def loud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A language that is English in capitals, as one more file."""
    lines = [f"{json.dumps(id)} = {json.dumps(in_capitals(template))}" for id, template in CATALOGUE.items()]
    (tmp_path / f"{LOUD}.toml").write_text("\n".join(lines))
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    return LOUD


def in_capitals(template: str) -> str:
    parts = []
    for said, name, format, conversion in string.Formatter().parse(template):
        parts.append(said.upper())
        if name is not None:
            parts.append("{" + name + (f"!{conversion}" if conversion else "") + (f":{format}" if format else "") + "}")
    return "".join(parts)


@pytest.mark.parametrize("id", CATALOGUE)
def test_every_sentence_has_words_in_another_language(id: str, loud: str):
    text = Text(id, **dict.fromkeys(fields(CATALOGUE[id]), 7))
    assert text.worded(loud) == str(text).upper()
    nested = Text("progress.of-method", method=text, text=[text, text])
    assert nested.worded(loud) == str(nested).upper()


def test_every_option_has_words_in_another_language(loud: str):
    for entry in (entry for model in MODELS for entry in controls(model)):
        worded = entry.worded(loud)
        assert (worded.label, worded.help) == (entry.label.upper(), entry.help.upper())
        assert worded.labels == tuple(label.upper() for label in entry.labels)
        assert (worded.name, worded.choices) == (entry.name, entry.choices)


def test_every_method_has_words_in_another_language(loud: str):
    for method in METHODS.values():
        for text in (method.info.title, method.info.purpose):
            assert text.worded(loud) == str(text).upper()


def test_a_mistake_leaves_nothing_in_english(loud: str):
    def words_of(mistaken: Callable[[], object]) -> str:
        with pytest.raises(ColorizerError) as caught:
            mistaken()
        return caught.value.text.worded(loud)

    assert words_of(lambda: Photo.open(b"")) == "THE PICTURE IS EMPTY (0 BYTES); CHOOSE ANOTHER FILE."
    assert words_of(lambda: validated(Finish, {"warmth": 9})) == "WARMTH MUST BE A NUMBER FROM -1 TO 1."
    state = {name: torch.zeros(2) for name in ("bias", "a", "b", "c", "d")}
    assert words_of(lambda: check_fit(nn.Linear(1, 1), state, Path("x.pth"))) == (
        "x.pth DOES NOT FIT THIS NETWORK: weight MISSING; a, b, c ... UNKNOWN; bias OF ANOTHER SHAPE."
    )
    assert missing_weights([REGISTRY["unet/lab"], REGISTRY["style/vgg19"]]).text.worded(loud) == (
        "THE WEIGHTS unet_lab.safetensors, vgg19 (575 MB) ARE NOT INSTALLED; "
        "PUT THEM INTO WEIGHTS/ OR COLORIZERS_WEIGHTS_DIR AND GET THEM WITH: colorizers weights download vgg19."
    )


def test_what_a_language_lacks_is_in_english(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "poor.toml").write_text('[photo]\nunnamed = "La photo"\n')
    monkeypatch.setattr(words, "FOLDER", tmp_path)
    assert Text("photo.empty", name=Text("photo.unnamed")).worded("poor").startswith("La photo is empty")


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_language_has_every_sentence_and_no_other(language: str):
    assert words.templates.__wrapped__(language).keys() == CATALOGUE.keys()


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_every_language_has_the_same_parameters_in_the_same_format(language: str):
    for id, template in words.templates.__wrapped__(language).items():
        assert parameters(template) == parameters(CATALOGUE[id]), id


def parameters(template: str) -> list[tuple[str, str | None, str | None]]:
    return sorted((name, form, conversion) for _, name, form, conversion in string.Formatter().parse(template) if name)


@pytest.mark.parametrize("id", CATALOGUE)
def test_chinese_is_not_left_in_english(id: str):
    said = "".join(said for said, *_ in string.Formatter().parse(words.templates("zh")[id]))
    assert re.search(r"[\u4e00-\u9fff]", said) or said.strip("，、；：。（） ") in SAME_IN_CHINESE


# Plain words


@pytest.mark.parametrize("id", CATALOGUE)
def test_a_sentence_is_one_tidy_line(id: str):
    template = CATALOGUE[id]
    assert template
    assert "\n" not in template
    assert "  " not in template or id in LINES_OF_A_LOG
    assert id.startswith("lists.") or template == template.strip()
    assert not re.search(r"\b(told|said|begun|seen)\b", template, re.IGNORECASE)


@pytest.mark.parametrize("id", sorted(MISTAKES))
def test_a_mistake_is_one_sentence(id: str):
    template = CATALOGUE[id]
    assert template.endswith(".")
    assert not template.endswith("..")
    assert ". " not in template


@pytest.mark.parametrize("id", CATALOGUE)
def test_a_sentence_says_colour_as_all_others_do(id: str):
    names = r"\{color\}|<folder>_color|or in color when|state \(colored, kept, failed\)"
    assert not re.search(r"\b[Cc]olor(s|ed|ing|ings|ful|fulness)?\b", re.sub(names, "", CATALOGUE[id]))


def test_help_ends_with_a_full_stop_and_a_label_without():
    for each in of_options():
        assert str(each.help).endswith(".")
        assert not any(str(label).endswith(".") for label in (each.label, *each.labels.values()))
