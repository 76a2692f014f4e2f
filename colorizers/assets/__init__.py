"""Where the files are that come with the program: the shipped weights and the test pictures.

An installed package has them in this folder. A source tree has them at its top, and an editable install uses them
there: nothing is copied.
"""

from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TOP = _HERE if (_HERE / "weights").is_dir() else _HERE.parent.parent

WEIGHTS = _TOP / "weights"
TEST_IMAGES = _TOP / "test_images"
_POINTER = b"version https://git-lfs."


def is_pointer(beginning: bytes) -> bool:
    """Whether a file that begins so is what Git LFS leaves in the place of a large one that was not fetched."""
    return beginning.startswith(_POINTER)
