"""The record of how a picture was made: written into the file, read back to make it again."""

import html
import importlib.metadata
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

from colorizers.errors import ColorizerError
from colorizers.picture.hints import Hints
from colorizers.picture.naming import shown_name
from colorizers.picture.tiff import check_tiff
from colorizers.words import Text

PNG_KEY = "colorizers"
_NAMESPACE = "urn:colorizers:record:1"
_MADE_BY_MACHINE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
_NOTE = "The colours of this picture are machine-made; they are plausible, not historical."
_MAX_BYTES = 64_000
_VERSIONED = ("torch", "pillow")
_LIBRARIES = {"diffusers", "transformers", "kornia", "controlnet-aux"}  # that some methods use beside them
_RENAMED = {"calm": "samples_per_result"}  # options that older records know by their former names
_PROMPTS = {"prompt": "", "negative_prompt": "Negative prompt: "}
_NAMES = {"guidance_scale": "CFG scale", "strength": "Denoising strength", "weights": "Model"}
_Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9.+!_-]{1,80}$")]


class Record(BaseModel):
    """Everything that decides the pixels. A record read from a file is somebody else's input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    method: str = Field(max_length=80)
    options: dict[str, bool | int | float | str | None]
    finish: dict[str, bool | int | float | str]
    hints: Hints = ()
    weights: dict[str, str] = {}
    pictures: dict[str, str] = {}
    input_sha256: str = Field(max_length=64)
    versions: dict[str, _Version] = {}
    stopped_early: bool = False

    def parameters(self) -> str:
        """The options as picture viewers of the Stable Diffusion world show them: prompts on lines of their own."""
        values = {"Method": self.method, **self.options, **self.finish}
        prompts = [f"{start}{prompt}" for name, start in _PROMPTS.items() if (prompt := values.pop(name, ""))]
        named = {_NAMES.get(name, name.replace("_", " ").capitalize()): value for name, value in values.items()}
        return "\n".join((*prompts, ", ".join(f"{name}: {_quoted(value)}" for name, value in named.items())))

    def xmp(self) -> bytes:
        """An XMP packet with the record and the IPTC note on where the colours come from."""
        record = html.escape(self.model_dump_json(), quote=False).replace("'", "&#39;")  # half as long as with &quot;
        return xmp_packet(f" colorizers:record='{record}'")


def xmp_packet(more: str = "") -> bytes:
    """An XMP packet with the IPTC note on where the colours come from, and more attributes."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:colorizers="{_NAMESPACE}"'
        f' Iptc4xmpExt:DigitalSourceType="{_MADE_BY_MACHINE}"{more}>'
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{_NOTE}</rdf:li></rdf:Alt></dc:description>'
        "</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()


def _quoted(value: object) -> str:
    """A value, in quotes where it would be taken for several."""
    text = str(value)
    return json.dumps(text) if any(mark in text for mark in ",:\n") else text


def versions(libraries: Iterable[str] = ()) -> dict[str, str]:
    """The versions of what shapes the pixels; of `libraries`, those that a method may use."""
    from colorizers import __version__

    names = (*_VERSIONED, *(name for name in libraries if name in _LIBRARIES))
    return {"colorizers": __version__, **{name: importlib.metadata.version(name) for name in names}}


def read_record(path: Path) -> Record:
    """The record that a result file carries; ColorizerError when there is none or it cannot be understood."""
    label = shown_name(path.name) or Text("record.unnamed")
    text = _record_in(path, label)
    if not text or len(text) > _MAX_BYTES:
        raise ColorizerError(Text("record.none", name=label))
    try:
        record = Record.model_validate(json.loads(text))
    except (ValueError, RecursionError) as error:  # pydantic's and json's errors are ValueErrors
        raise ColorizerError(Text("record.changed", name=label)) from error
    options = {_RENAMED.get(name, name): value for name, value in record.options.items()}
    return record.model_copy(update={"options": options})


def has_record(path: Path) -> bool:
    """Whether a file says that this program made it, be it another version."""
    try:
        return bool(_record_in(path, path.name))
    except ColorizerError:
        return False


def _record_in(path: Path, label: Text | str) -> str | None:
    """The text of the record in a file, as it stands there; ColorizerError when it cannot be read."""
    try:
        if not path.is_file():  # of a pipe one would wait for the end
            raise ColorizerError(Text("record.no-file", name=label))
        with path.open("rb") as file:
            check_tiff(file, label)
            file.seek(0)
            with Image.open(file, formats=("PNG", "JPEG", "WEBP", "TIFF", "GIF")) as image:
                text = image.info.get(PNG_KEY) or _from_xmp(image)
    except ColorizerError:
        raise
    except Exception as error:  # hostile files reach every corner of a decoder
        raise ColorizerError(Text("record.cannot-read", name=label)) from error
    return text if isinstance(text, str) else None


def _from_xmp(image: Image.Image) -> str | None:
    """The record in XMP, which a GIF has for its comment."""
    packet: Any = image.info.get("xmp") or getattr(image, "tag_v2", {}).get(700) or image.info.get("comment")
    if not isinstance(packet, bytes) or len(packet) > 2 * _MAX_BYTES:
        return None
    found = re.search(r"""colorizers:record=("[^"]*"|'[^']*')""", packet.decode(errors="replace"))
    return html.unescape(found[1][1:-1]) if found else None
