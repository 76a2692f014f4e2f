"""A small mark in a corner of a picture, which says that its colours are made by a machine."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_TEXT = "AI colours"
_HEIGHT, _LEAST = 0.022, 9  # of the shorter side, and pixels: the size of the letters
_MARGIN = 0.5  # around the text, in heights of letters
_PLATE = 0.6  # the opacity of what is behind the letters, which are white


def with_mark(pixels: np.ndarray) -> np.ndarray:
    """RGB (H, W, 3), uint8 or uint16, with the mark in its lower right corner; the rest stays as it is."""
    height, width = pixels.shape[:2]
    letters, margin = _letters(max(_LEAST, round(_HEIGHT * min(height, width))))
    plate = np.pad(letters, margin)[-height:, -width:]
    most, marked = np.iinfo(pixels.dtype).max, pixels.copy()
    corner = marked[height - plate.shape[0] :, width - plate.shape[1] :]
    share = plate[..., None]
    corner[:] = np.rint(corner * (1 - _PLATE) * (1 - share) + most * share)
    return marked


def _letters(size: int) -> tuple[np.ndarray, int]:
    """How much of each pixel the letters cover (h, w), in [0, 1], and the margin that suits them, in pixels."""
    font = ImageFont.load_default(size)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(_TEXT))
    canvas = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(canvas).text((-left, -top), _TEXT, fill=255, font=font)
    return np.asarray(canvas, np.float32) / 255, max(2, round(_MARGIN * size))
