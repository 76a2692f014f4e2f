"""What the tests of hostile input share."""

import pytest
from trivial_method import TrivialMethod

from colorizers.methods.catalog import METHODS


@pytest.fixture
def trivial(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that needs no network."""
    monkeypatch.setitem(METHODS, "trivial", TrivialMethod())
