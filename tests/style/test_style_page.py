"""docs/style.md: the page that compares the networks of style transfer."""

from conftest import store

from colorizers.methods.catalog import REGISTRY
from colorizers.settings import PROJECT
from colorizers.weights import store as weights
from colorizers.weights.store import sha256


def test_the_page_was_made_with_the_weights_that_are_shipped():
    page = (PROJECT / "docs" / "style.md").read_text()
    files = [weights.SHIPPED_DIR / REGISTRY[key].file for key in store().keys_of("style")]
    assert all(sha256(file) in page for file in files if file.exists())
