"""Every COLORIZERS_* environment variable, typed, in one place."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from colorizers.errors import ColorizerError
from colorizers.words import ENGLISH, LANGUAGES, Text

PROJECT = Path(__file__).resolve().parent.parent


def _cache() -> Path:
    try:
        return Path.home() / ".cache" / "colorizers"
    except RuntimeError as error:
        raise ColorizerError(Text("settings.no-home", name="COLORIZERS_CACHE_DIR")) from error


class Settings(BaseSettings):
    """Limits and places. Sizes in MB are 10^6 bytes, in GB 10^9 bytes."""

    model_config = SettingsConfigDict(env_prefix="COLORIZERS_", frozen=True)

    language: str = Field(
        ENGLISH,
        pattern=f"^({'|'.join(LANGUAGES)})$",
        examples=list(LANGUAGES),
        description="of the command line, and of the page where the visitor chooses no other: en or zh",
    )
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:\d{1,2})?)$", examples=["auto", "cpu", "mps", "cuda", "cuda:1"]
    )
    dtype: Literal["auto", "float16", "bfloat16", "float32"] = Field(
        "auto",
        description="of Stable Diffusion, and bfloat16 of style transfer by large networks too; auto is float16 on a "
        "GPU by CUDA that is good at it, bfloat16 on a processor with instructions for it, else float32",
    )
    runtime: Literal["auto", "torch"] = Field(
        "auto",
        description="of networks on the CPU; auto is OpenVINO where it is installed, for those that it speeds up",
    )
    engine: Literal["local", "ray"] = Field(
        "local", description="where jobs run: in this process, or in replicas on a Ray cluster"
    )
    cluster: str = Field("", description="address of the Ray cluster, as host:port; when not set, one is started here")
    min_replicas: int = Field(1, ge=1, description="that stand ready on the cluster")
    max_replicas: int = Field(1, ge=1, description="that run under load; never fewer than those that stand ready")
    replica_gpus: float = Field(0, ge=0, description="of each replica, such as 0.5 where two share a GPU")
    weights_dir: Path | None = Field(None, description="looked into before the weights shipped with the project")
    model: str | None = Field(None, description="path or hub id of a Stable Diffusion 1.x to offer, as --model")
    controlnet: str | None = Field(None, description="path or hub id of a ControlNet for depth, as --controlnet")
    download: str = Field(
        "", description="weights to download before the page opens, by key, such as ddcolor_tiny,sd15"
    )
    cache_dir: Path = Field(default_factory=_cache)
    pool_policy: Literal["lazy", "eager"] = "lazy"
    memory_budget_gb: float | None = Field(
        None,
        gt=0,
        description="for models; when not set, what is free on the GPU less 3 GB, or half of the memory less 2 GB",
    )

    max_megapixels: float = Field(40, gt=0, le=178, description="of any picture; Pillow itself refuses more than 178")
    max_megabytes: float = Field(400, gt=0, description="of a file on the command line")
    max_upload_megabytes: float = Field(25, gt=0, description="of a file sent to the web app")

    max_request_megabytes: float = Field(1, gt=0, description="of a request to the server that sends no file")
    max_open_megapixels: float = Field(160, gt=0, description="of all large photos in use; the next ones wait")
    max_disk_gb: float = Field(10, gt=0, description="of all visitors' files; older ones go, then none are taken")
    max_sessions: int = Field(200, ge=1, description="pages kept by the server; those with the least to lose go first")
    keep_hours: float = Field(1, gt=0, description="that a visitor's files are kept after their last use")

    max_batch_photos: int = Field(200, ge=1, description="that are coloured as one batch on the page")
    max_batch_megabytes: float = Field(500, gt=0, description="of a batch: of its files, or what a zip holds")

    safety_checker: bool | None = Field(
        None, description="whether what Stable Diffusion makes is checked for nudity; when not set, it is in public"
    )

    public: bool = Field(
        default_factory=lambda: "SPACE_ID" in os.environ,
        description="hosting for strangers: no error details; when not set, it is on a Hugging Face Space",
    )
    hosts: str = Field(
        "", description="names of the server, with commas; when not set, its own at 127.0.0.1, and any elsewhere"
    )
    mcp: bool = Field(False, description="also serve the endpoints as tools of an MCP server, at /gradio_api/mcp/")
    metrics: bool = Field(
        False, description="also tell at /metrics how busy it is, for Prometheus: counts by method, nothing of visitors"
    )
    queue_size: int = Field(32, ge=1, description="pictures in the line at once; half of them may be of one address")
    preview_pixels: int = Field(1024, ge=256, le=2048, description="long side of what the page shows while tuning")

    @property
    def most_replicas(self) -> int:
        """How many replicas there may be at once."""
        return max(self.min_replicas, self.max_replicas)

    @property
    def checks_pictures(self) -> bool:
        """Whether what Stable Diffusion makes is checked before it is shown."""
        return self.public if self.safety_checker is None else self.safety_checker


@functools.cache
def get_settings() -> Settings:
    """The settings of this process, read from the environment once."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        field = "_".join(map(str, first["loc"]))
        known = _reason(first["type"], first.get("ctx", {}), Settings.model_fields[field])
        reason = known or first["msg"].lower()
        raise ColorizerError(Text("settings.wrong", name=f"COLORIZERS_{field}".upper(), reason=reason)) from error


def _reason(kind: str, limits: Mapping[str, float], field: FieldInfo) -> Text | None:
    """What a setting must be, by what pydantic calls the error."""
    if values := field.examples or (get_args(field.annotation) if get_origin(field.annotation) is Literal else ()):
        return Text("settings.known", examples=values)
    match kind:
        case "greater_than":
            return Text("settings.above", limit=limits["gt"])
        case "greater_than_equal":
            return Text("settings.at-least", limit=limits["ge"])
        case "less_than_equal":
            return Text("settings.at-most", limit=limits["le"])
        case "int_parsing":
            return Text("settings.whole-number")
        case "float_parsing":
            return Text("settings.number")
        case "bool_parsing":
            return Text("settings.true-or-false")
    return None


def listening_host(given: str | None) -> str:
    """Where the server listens: as given, as GRADIO_SERVER_NAME says, or by itself: on Spaces for all, else here."""
    return given or os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")
