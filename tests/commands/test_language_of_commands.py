"""The command line in Chinese, which COLORIZERS_LANGUAGE chooses."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from run_command import command

from colorizers.__main__ import COMMANDS
from colorizers.methods.catalog import METHODS
from colorizers.settings import get_settings
from colorizers.words import Text


@pytest.fixture(params=["zh"], autouse=True)
def language(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("COLORIZERS_LANGUAGE", request.param)
    get_settings.cache_clear()
    yield
    get_settings.cache_clear()


def test_help_is_in_chinese(capsys: pytest.CaptureFixture[str]):
    assert command("--help") == 0
    assert "colorize  为照片或整个文件夹上色\n" in capsys.readouterr().out
    for name in COMMANDS:
        assert command(name, "--help") == 0
        shown = capsys.readouterr().out
        assert re.search("[\u4e00-\u9fff]", shown)
        assert "default:" not in shown


def test_options_and_their_choices_are_in_chinese(capsys: pytest.CaptureFixture[str]):
    assert command("methods") == 0
    listed = capsys.readouterr().out
    for method in METHODS.values():
        assert method.info.title.worded("zh") in listed
    assert "去除噪声的调度器。ddim：DDIM；ddpm：DDPM，每步加噪。\n" in listed


def test_a_mistake_is_in_chinese(here: Path, capsys: pytest.CaptureFixture[str]):
    assert command("colorize", "lost.png") == 2
    assert capsys.readouterr().err.startswith("无法打开 lost.png（")
    assert command("weights", "list", "unet/lab") == 2
    assert capsys.readouterr().err == "weights list 会列出所有权重，请去掉 KEY。\n"


def test_columns_stand_one_under_the_other_in_chinese(capsys: pytest.CaptureFixture[str]):
    """A Chinese character takes two columns of a terminal."""
    assert command("weights", "list") == 0
    heading, first, *_ = capsys.readouterr().out.splitlines()
    assert first.index("unet_efficientnet") == heading.index("文件") + len("名称")


def test_afterwards_the_program_speaks_english_again(capsys: pytest.CaptureFixture[str]):
    assert command("methods") == 0
    assert str(Text("page.stop")) == "Stop"


@pytest.mark.parametrize("language", ["tlh"], indirect=True)
def test_a_language_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]):
    assert command("methods") == 2
    assert "COLORIZERS_LANGUAGE is wrong" in capsys.readouterr().err
