"""What is no picture, or something else as well."""

import numpy as np

from hostile_files.faults import HTML, with_zip
from hostile_files.making import Make

REFUSED: dict[str, Make] = {
    "nothing": lambda: b"",
    "a byte": lambda: b"\0",
    "zeros": lambda: bytes(5000),
    "noise": lambda: np.random.default_rng(3).bytes(5000),
    "a letter": lambda: b"Dear aunt, here is the photo.\n" * 50,
    "HTML": lambda: HTML,
    "SVG": lambda: b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "SVG that reads a file": lambda: b'<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg>&x;</svg>',
    "PDF": lambda: b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\n",
    "PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(%pipe%id) (w) file\nshowpage\n",
    "PostScript for DOS": lambda: b"\xc5\xd0\xd3\xc6" + bytes(40) + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "a zip": lambda: with_zip(b""),
    "a program": lambda: b"\x7fELF\2\1\1" + bytes(200),
    "a script": lambda: b"#!/bin/sh\nrm -rf ~\n",
    "a pickle": lambda: b"cos\nsystem\n(S'id'\ntR.",
    "Photoshop's own": lambda: b"8BPS\0\1" + bytes(60),
    "an icon": lambda: b"\0\0\1\0\1\0" + bytes(60),
    "a Git LFS pointer": lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n",
    "ImageMagick's language": lambda: (
        b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/x'\npop graphic-context\n"
    ),
    "an address": lambda: b"http://127.0.0.1:9/photo.png",
}
