from pathlib import Path

import pytest

from colorizers.errors import ColorizerError
from colorizers.settings import Settings, get_settings


@pytest.mark.parametrize(
    ("environment", "public"),
    [
        ({}, False),
        ({"SPACE_ID": "somebody/colorizers"}, True),
        ({"SPACE_ID": "somebody/colorizers", "COLORIZERS_PUBLIC": "0"}, False),
        ({"COLORIZERS_PUBLIC": "1"}, True),
    ],
)
def test_a_space_is_public_unless_its_owner_says_otherwise(
    environment: dict[str, str], public: bool, monkeypatch: pytest.MonkeyPatch
):
    for name in ("SPACE_ID", "COLORIZERS_PUBLIC", "COLORIZERS_SAFETY_CHECKER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Settings().public is public
    assert Settings().checks_pictures is public, "strangers get no unchecked pictures"


def test_without_a_home_a_folder_for_downloads_is_asked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", home)
    monkeypatch.delenv("COLORIZERS_CACHE_DIR", raising=False)
    with pytest.raises(ColorizerError, match=r"no home folder .* set COLORIZERS_CACHE_DIR to a folder\.$"):
        Settings()
    monkeypatch.setenv("COLORIZERS_CACHE_DIR", str(tmp_path))
    assert Settings().cache_dir == tmp_path


@pytest.mark.parametrize(
    ("name", "value", "values"),
    [
        ("COLORIZERS_DEVICE", "gpu", ["auto", "cpu", "mps", "cuda", "cuda:1"]),
        ("COLORIZERS_LANGUAGE", "de", ["en", "zh"]),
        ("COLORIZERS_DTYPE", "half", ["auto", "float16", "bfloat16", "float32"]),
        ("COLORIZERS_QUEUE_SIZE", "0", ["it must be 1 or more"]),
        ("COLORIZERS_QUEUE_SIZE", "ten", ["it must be a whole number"]),
        ("COLORIZERS_MAX_MEGABYTES", "-1", ["it must be a number above 0"]),
        ("COLORIZERS_MAX_MEGABYTES", "much", ["it must be a number"]),
        ("COLORIZERS_PREVIEW_PIXELS", "5000", ["it must be 2048 or less"]),
        ("COLORIZERS_MCP", "perhaps", ["it must be true or false"]),
    ],
)
def test_a_setting_that_is_wrong_is_named_with_what_it_may_be(
    name: str, value: str, values: list[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(name, value)
    get_settings.cache_clear()
    with pytest.raises(ColorizerError, match=rf"^The environment variable {name} is wrong: .*\.$") as refused:
        get_settings()
    assert all(each in str(refused.value) for each in values)
    assert "pattern" not in str(refused.value)
