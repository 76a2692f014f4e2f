"""docs/style.md: the page that compares the networks of style transfer."""

from conftest import store

from colorizers.methods.catalog import REGISTRY
from colorizers.settings import PROJECT
from colorizers.weights.store import SHIPPED_DIR, sha256


def test_the_page_was_made_with_the_weights_that_are_shipped():
    page = (PROJECT / "docs" / "style.md").read_text()
    files = [path for key in store().keys_of("style") if (path := SHIPPED_DIR / REGISTRY[key].file).exists()]
    assert files, "some are shipped"
    assert all(sha256(file) in page for file in files)
