"""Where the files are that come with the program: the shipped weights and the test pictures.

An installed package has them in this folder. A source tree has them at its top, and an editable install uses them
there: nothing is copied.
"""

from pathlib import Path

_HERE = Path(__file__).resolve().parent
_TOP = _HERE if (_HERE / "weights").is_dir() else _HERE.parent.parent

WEIGHTS = _TOP / "weights"
TEST_IMAGES = _TOP / "test_images"
