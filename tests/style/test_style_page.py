"""docs/style.md: the page that compares the networks of style transfer."""

from colorizers.settings import PROJECT
from colorizers.weights import store as weights


def test_the_page_was_made_with_the_weights_that_are_shipped():
    page = (PROJECT / "docs" / "style.md").read_text()
    files = [weights.SHIPPED_DIR / weights.REGISTRY[key].file for key in weights.keys_of("style")]
    assert all(weights.sha256(file) in page for file in files if file.exists())
