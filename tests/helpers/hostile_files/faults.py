"""Faults that any file can have."""

import io
import zipfile

import numpy as np

from hostile_files.making import Fault


def cut(share: float) -> Fault:
    return lambda data: data[: int(len(data) * share)]


def short_by(count: int) -> Fault:
    return lambda data: data[:-count]


def overwritten(share: float, byte: bytes) -> Fault:
    """A tenth of the file is one byte."""

    def fault(data: bytes) -> bytes:
        begin, length = int(len(data) * share), len(data) // 10
        return data[:begin] + byte * length + data[begin + length :]

    return fault


def scattered(seed: int) -> Fault:
    """A few bytes, most of them near the beginning, are others."""

    def fault(data: bytes) -> bytes:
        random, broken = np.random.default_rng(seed), bytearray(data)
        for share in random.beta(1, 4, 6):
            broken[int(share * len(data))] = random.integers(256)
        return bytes(broken)

    return fault


def with_zip(data: bytes) -> bytes:
    """The picture is a zip as well."""
    file = io.BytesIO(data)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("../../run.sh", "rm -rf ~")
    return file.getvalue()


HTML = b"<html><script>alert(document.cookie)</script></html>"
FAULTS: dict[str, Fault] = {
    **{f"cut at {share}": cut(share) for share in (0.01, 0.05, 0.2, 0.5, 0.8, 0.95)},
    **{f"{count} bytes short": short_by(count) for count in (1, 2, 12)},
    **{f"zeros at {share}": overwritten(share, b"\0") for share in (0.1, 0.4, 0.8)},
    **{f"ones at {share}": overwritten(share, b"\xff") for share in (0.1, 0.4, 0.8)},
    **{f"scattered {seed}": scattered(seed) for seed in range(5)},
    "twice": lambda data: data + data,
    "a byte before": lambda data: b"\0" + data,
    "a byte order mark before": lambda data: b"\xef\xbb\xbf" + data,
    "a megabyte behind": lambda data: data + bytes(10**6),
    "sent as text": lambda data: data.replace(b"\n", b"\r\n"),
    "sent in 7 bits": lambda data: bytes(byte & 127 for byte in data),
    "read as UTF-8": lambda data: data.decode("utf-8", "replace").encode(),
    "backwards": lambda data: data[::-1],
    "swapped in pairs": lambda data: np.frombuffer(data[: len(data) // 2 * 2], ">u2").astype("<u2").tobytes(),
    "with HTML behind": lambda data: data + HTML,
    "with a zip behind": with_zip,
}
