"""Colour profiles (ICC) that files carry, applied: the picture as sRGB."""

import io

import numpy as np
from PIL import Image, ImageCms

_SAME = 2  # levels by which a profile may differ from sRGB and is sRGB all the same
_FAILURES = (ImageCms.PyCMSError, OSError, ValueError, TypeError)


class UnreadableProfile(Exception):
    """The profile is damaged, or one for other pictures."""


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """A picture L, RGB or CMYK as sRGB; as it is where the profile is sRGB, whatever its name.

    Gray with a profile of colours, as many programs write it, becomes gray. Raises UnreadableProfile.
    """
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        colors = image.convert("RGB") if image.mode == "L" and own.profile.xcolor_space == "RGB " else image
        if colors.mode != "CMYK" and _is_srgb(own, colors.mode):
            return image
        return _converted(colors, own)
    except _FAILURES as error:
        raise UnreadableProfile from error


def gray_in_srgb(gray: np.ndarray, profile: bytes) -> np.ndarray:
    """Gray (H, W) float32 in [0, 1] in the tones of sRGB. Raises UnreadableProfile."""
    ramp = np.arange(2**16, dtype=np.uint16)
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        levels = np.asarray(_converted(Image.fromarray(ramp.reshape(256, 256)), own))[..., 1].ravel()
    except _FAILURES as error:
        raise UnreadableProfile from error
    # The curve goes through the middle of the values that became the same level, and through both ends.
    known, first = np.unique(levels, return_index=True)
    last = np.append(first[1:], len(ramp)) - 1
    middle = (ramp[first] + ramp[last].astype(np.float64)) / 2
    middle[[0, -1]] = 0, ramp[-1]
    return np.interp(gray, middle / ramp[-1], known / 255).astype(np.float32)


def _is_srgb(own: ImageCms.ImageCmsProfile, mode: str) -> bool:
    """Whether a profile leaves colours of all kinds, or every gray, as they are."""
    if mode == "L":
        values = np.arange(256, dtype=np.uint8)[None]
    else:
        values = np.stack(np.meshgrid(*[np.arange(0, 256, 51, dtype=np.uint8)] * 3), -1).reshape(6, 36, 3)
    probe = Image.fromarray(values)
    found = np.asarray(_converted(probe, own).convert(mode)).astype(int)
    return bool(np.abs(found - values).max() <= _SAME)


def _converted(image: Image.Image, own: ImageCms.ImageCmsProfile) -> Image.Image:
    srgb = ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, own, srgb, outputMode="RGB")
    if converted is None:
        raise ValueError("the picture was to be changed in its place")
    return converted
