"""Hostile GIFs."""

from PIL import Image

from hostile_files.making import Make, encoded, good

GIF: dict[str, Make] = {
    "animated": lambda: encoded(
        Image.new("L", (9, 9)), "GIF", save_all=True, append_images=[Image.new("L", (9, 9), 99)]
    ),
    "65,535x65,535": lambda: b"GIF89a" + b"\xff" * 4 + good("GIF")[10:],
}
