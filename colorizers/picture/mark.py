"""A small mark in a corner of a picture, which says that its colours are made by a machine."""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_TEXT = "AI colours"
_HEIGHT, _LEAST = 0.022, 9  # of the shorter side, and pixels: the size of the letters
_MARGIN = 0.5  # around the text, in heights of letters
_PLATE = 0.6  # the opacity of what is behind the letters, which are white


def marker(size: tuple[int, int]) -> Callable[[np.ndarray, slice], np.ndarray]:
    """A function that puts the mark on the lower right corner of a picture of a size, width and height.

    It takes some rows (h, W, 3) of it, uint8 or uint16, and which these are; the rest of them stays as it is.
    """
    width, height = size
    plate = _plate(max(_LEAST, round(_HEIGHT * min(size))))[-height:, -width:]
    first = height - len(plate)

    def marked(pixels: np.ndarray, rows: slice) -> np.ndarray:
        share = plate[max(0, rows.start - first) : max(0, rows.stop - first), :, None]
        if not share.size:
            return pixels
        result, most = pixels.copy(), np.iinfo(pixels.dtype).max
        corner = result[-len(share) :, -share.shape[1] :]
        corner[:] = np.rint(corner * (1 - _PLATE) * (1 - share) + most * share)
        return result

    return marked


def _plate(size: int) -> np.ndarray:
    """How much of each pixel of the mark (h, w) its letters cover, in [0, 1]."""
    font, margin = ImageFont.load_default(size), max(2, round(_MARGIN * size))
    left, top, right, bottom = (round(edge) for edge in font.getbbox(_TEXT))
    canvas = Image.new("L", (right - left + 2 * margin, bottom - top + 2 * margin))
    ImageDraw.Draw(canvas).text((margin - left, margin - top), _TEXT, fill=255, font=font)
    return np.asarray(canvas, np.float32) / 255
