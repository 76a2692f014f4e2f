"""A visitor's files: those that come, and the previews and full-size files that the server makes.

All of them are in one folder of the process, which ends with it. Gradio puts there what is uploaded, and what endpoints
answer; both go some time after they came. What belongs to a page goes with the page.
"""

import asyncio
import atexit
import contextlib
import functools
import gc
import math
import os
import secrets
import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from gradio.utils import get_upload_folder

from colorizers.errors import ColorizerError
from colorizers.picture.decode import pixels_of
from colorizers.picture.naming import shown_name
from colorizers.picture.photo import Photo
from colorizers.picture.record import Record
from colorizers.picture.result import on_white, with_alpha
from colorizers.settings import get_settings
from colorizers.words import Text

OPENING: dict[str, Any] = {"concurrency_id": "opening", "concurrency_limit": 4}
"""For events that decode what a visitor sent: so many at once."""
_PREVIEW_QUALITY = 90
_MOST_XMP = 65_000  # bytes; what a JPEG can hold
_OF_PROCESS, _OF_PAGE, _LOCK = "colorizers-", "page-", ".lock"
_LOOK_EVERY, _MEASURE_EVERY = 600, 5  # seconds
_SPARE = 200 * 10**6  # bytes of the disk that are left free
_JUST_NOW = 60  # seconds; what came in them may be what a visitor is about to use
_LONGEST_WAIT = 60  # seconds that a photo waits until others are done


class Room:
    """What is taken of something that has an end: others wait until it is given back."""

    def __init__(self) -> None:
        self._taken = 0
        self._changed = threading.Condition()

    def take(self, amount: int, most: int, seconds: float) -> bool:
        """Take an amount, which may be more than `most` where nobody else has any; False after so many seconds."""
        if self._taken:
            gc.collect()  # an error's traceback may still hold a photo
        with self._changed:
            if not self._changed.wait_for(lambda: not self._taken or self._taken + amount <= most, seconds):
                return False
            self._taken += amount
            return True

    def give_back(self, amount: int) -> None:
        """What was taken."""
        with self._changed:
            self._taken -= amount
            self._changed.notify_all()


_OPEN = Room()


def open_upload(path: str | Path, name: str | None = None, quarter_turns: int = 0) -> Photo:
    """Decode a file that a visitor sent, within the limits for uploads, and turn it counter-clockwise.

    All large photos together, as long as they are in use, have their limit too: more of them wait for these.
    """
    settings, named = get_settings(), name or Path(path).name
    pixels = pixels_of(path, named, settings.max_upload_megabytes)
    if pixels <= settings.preview_pixels**2:  # a page may keep it
        pixels = 0
    if pixels and not _OPEN.take(pixels, int(settings.max_open_megapixels * 10**6), _LONGEST_WAIT):
        raise ColorizerError(Text("page.busy"))
    try:
        photo = Photo.open(path, name, settings.max_upload_megabytes).rotated(quarter_turns)
    except BaseException:
        _OPEN.give_back(pixels)
        raise
    weakref.finalize(photo, _OPEN.give_back, pixels)
    return photo


class Folder:
    """A folder inside Gradio's cache: the page may show what lies there, and no one can guess its name.

    It is deleted when nobody holds it any more.
    """

    def __init__(self) -> None:
        cache = Path(get_upload_folder())
        cache.mkdir(parents=True, exist_ok=True)
        self._path = Path(tempfile.mkdtemp(prefix=_OF_PAGE, dir=cache))
        weakref.finalize(self, shutil.rmtree, self._path, ignore_errors=True)

    def place(self, name: str) -> Path:
        """Where a file of this name may be written; another place each time. ColorizerError when the disk is full."""
        if not make_room():
            raise ColorizerError(Text("page.no-room"))
        path = self._path / secrets.token_hex(4) / name
        path.parent.mkdir()
        return path

    def keep(self, path: Path) -> Path:
        """An uploaded file under another path, where it stays as long as this folder; ColorizerError if it is gone."""
        kept = self.place(path.name)
        try:
            try:
                os.link(path, kept)
            except OSError:  # not every file system has links
                shutil.copy2(path, kept)
        except FileNotFoundError as error:
            raise ColorizerError(Text("page.file-gone", name=shown_name(path.name))) from error
        return kept

    def preview(self, pixels: np.ndarray, alpha: np.ndarray | None, record: Record | None = None) -> Path:
        """Write a picture (H, W, 3) uint8 as a small file; transparency is laid on white, a record goes with it."""
        path = self.place("preview.jpg")
        xmp = b"" if record is None else record.xmp()
        kept = {"xmp": xmp} if 0 < len(xmp) <= _MOST_XMP else {}
        on_white(with_alpha(pixels, alpha)).save(path, "JPEG", quality=_PREVIEW_QUALITY, subsampling=0, **kept)
        return path

    def discard(self, path: Path) -> None:
        """Delete a file that is no longer shown."""
        shutil.rmtree(path.parent, ignore_errors=True)


# The folder of the process


@functools.cache
def folder_of_process() -> Path:
    """A folder for all of them, which Gradio uses from now on; beside it is one for all other temporary files.

    It lies in GRADIO_TEMP_DIR or else among the system's temporary files, and no other user can look into it. It is
    deleted when the process ends or, after a crash, when the next one of this user begins: the lock tells whether it
    lives.
    """
    around = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    around.mkdir(parents=True, exist_ok=True)
    path = around / f"{_OF_PROCESS}{secrets.token_hex(8)}"
    lock = FileLock(path.with_suffix(_LOCK))
    lock.acquire()
    path.mkdir(mode=0o700)
    _sweep(around, path)
    atexit.register(_end, path, lock)
    cache, temporary = path / "cache", path / "temporary"
    for folder in (cache, temporary):
        folder.mkdir()
    os.environ["GRADIO_TEMP_DIR"], tempfile.tempdir = str(cache), str(temporary)
    return cache


def _sweep(around: Path, own: Path) -> None:
    """Delete the folders of this user's processes that live no more."""
    for lock in around.glob(f"{_OF_PROCESS}*{_LOCK}"):
        with contextlib.suppress(Timeout, OSError):
            if lock != own.with_suffix(_LOCK) and lock.lstat().st_uid == own.stat().st_uid:
                with FileLock(lock, timeout=0):
                    _delete(lock.with_suffix(""))


def _end(path: Path, lock: FileLock) -> None:
    _delete(path)
    lock.release()


def _delete(path: Path) -> None:
    """Delete a process's folder and its lock; what cannot be deleted now is found by the next process."""
    shutil.rmtree(path, ignore_errors=True)
    if not path.exists():
        path.with_suffix(_LOCK).unlink(missing_ok=True)


class Tidying:
    """Deletes what is old, for as long as a server runs, but nothing that is there at its beginning: the app's own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._own = set(folder.iterdir())

    @contextlib.asynccontextmanager
    async def __call__(self, app: Any) -> AsyncIterator[None]:
        """The lifespan of the server."""

        async def repeat() -> None:
            while True:
                await asyncio.sleep(_LOOK_EVERY)
                await asyncio.to_thread(self.tidy)

        _DISK.tidying.add(self)
        task = asyncio.create_task(repeat())
        try:
            yield
        finally:
            task.cancel()
            _DISK.tidying.discard(self)

    def tidy(self) -> None:
        """Delete what has not been used for as long as the settings say."""
        for path, used in self._deletable():
            if used < time.time() - get_settings().keep_hours * 3600:
                _remove(path)

    def free(self, size: int) -> None:
        """Delete what was used longest ago, and not just now, until so many bytes are free."""
        for path, used in sorted(self._deletable(), key=lambda each: each[1]):
            if size <= 0 or used > time.time() - _JUST_NOW:
                return
            size -= _bytes(path)
            _remove(path)

    def _deletable(self) -> Iterator[tuple[Path, float]]:
        """What belongs neither to the app nor to a page, and when it was last used."""
        for path in self._folder.iterdir():
            if path not in self._own and not path.name.startswith(_OF_PAGE):
                yield path, max((found.st_mtime for found in _within(path)), default=0)


class _Disk:
    """Bounds what the files of all visitors take, and leaves some of the disk free."""

    def __init__(self) -> None:
        self.tidying: set[Tidying] = set()
        self._lock = threading.Lock()
        self._used, self._measured = 0, -math.inf

    def make_room(self, size: int = 0) -> bool:
        """Whether so many bytes more may be written; what was used longest ago is deleted where that helps."""
        with self._lock:
            if self._lacking(size) > 0:
                for tidying in self.tidying:
                    tidying.free(self._lacking(size))
                self._measured = -math.inf
            if self._lacking(size) > 0:
                return False
            self._used += size
            return True

    def _lacking(self, size: int) -> int:
        folder = Path(get_upload_folder())
        if time.monotonic() > self._measured + _MEASURE_EVERY:
            self._used, self._measured = _bytes(folder), time.monotonic()
        most = int(get_settings().max_disk_gb * 10**9)
        return size + max(self._used - most, _SPARE - shutil.disk_usage(folder).free)


_DISK = _Disk()
make_room = _DISK.make_room


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _bytes(path: Path) -> int:
    """What a file, or all of a folder takes; a file that has several names there is counted once."""
    return sum({found.st_ino: found.st_size for found in _within(path)}.values())


def _within(path: Path) -> Iterator[os.stat_result]:
    """The facts of a file, or of a folder and all in it, as far as they are still there."""
    every = (Path(folder, name) for folder, *names in os.walk(path) for name in (*names[0], *names[1]))
    for each in (path, *every):
        with contextlib.suppress(FileNotFoundError):
            yield each.stat()
