"""Good pictures, and how files are made of them: each by a function, only when it is wanted."""

import functools
import io
from collections.abc import Callable

import numpy as np
from PIL import Image

Make = Callable[[], bytes]
Fault = Callable[[bytes], bytes]
KINDS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "AVIF", "GIF")


@functools.cache
def good(kind: str = "PNG") -> bytes:
    """A gray picture 40x32 with edges and grain."""
    ramp = np.linspace(0, 255, 40)[None].repeat(32, 0)
    ramp[8:16, 10:30] = 255 - ramp[8:16, 10:30]
    pixels = (ramp + np.random.default_rng(0).normal(0, 6, ramp.shape)).clip(0, 255).astype(np.uint8)
    return encoded(Image.fromarray(pixels), kind)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The bytes of a file that holds the image."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def each(form: str, make: Callable[..., bytes], *given: tuple) -> dict[str, Make]:
    """A file for each of the arguments, which are in its name."""
    return {form.format(*arguments): functools.partial(make, *arguments) for arguments in given}
