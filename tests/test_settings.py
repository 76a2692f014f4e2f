import pytest

from colorizers.settings import Settings


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
