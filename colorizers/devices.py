"""The devices of this machine: which there are, their number formats, their memory, and their out-of-memory errors."""

import functools
import re
import threading
from pathlib import Path

import torch

from colorizers.errors import ColorizerError
from colorizers.settings import get_settings
from colorizers.words import Text

_GROUP = Path("/sys/fs/cgroup")
_LIMITS = ("memory.max", "memory/memory.limit_in_bytes")  # of a container, by version 2 and 1 of cgroups
_USED = ("memory.current", "memory/memory.usage_in_bytes")
_STATS = ("memory.stat", "memory/memory.stat")
_CACHED = re.compile(r"^(?:total_)?inactive_file (\d+)$", re.MULTILINE)  # bytes of files that the kernel gives back

_BROKEN_HALF = re.compile(r"16[356]0|\bT(500|550|600|1000|1200|2000)\b|\bMX[45]50\b|CMP 30HX")
"""Names of Turing cards without tensor cores, whose half precision gives NaN: the list of ComfyUI's
`model_management.should_use_fp16`."""
_OUT_OF_MEMORY = re.compile(
    "out of memory"  # CUDA, whose allocator is only one of those that say so, and MPS
    "|_STATUS_ALLOC_FAILED"  # cuBLAS, cuDNN, cuSOLVER
    "|can't allocate memory|not enough memory",  # the CPU
    re.IGNORECASE,
)
_single_only: set[torch.device] = set()
_lock = threading.Lock()


def find_device(wanted: str) -> torch.device:
    """The device that a setting names, such as auto, cpu, mps, cuda or cuda:1; ColorizerError when it is not here."""
    kind, _, number = wanted.partition(":")
    if kind == "cuda" and int(number or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ColorizerError(
            Text("device.fewer", name=wanted, count=count) if count else Text("device.none", name=wanted)
        )
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ColorizerError(Text("device.none", name=wanted))
    if kind != "auto":
        return torch.device(wanted)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def described(device: torch.device) -> Text:
    """What a visitor may know of a device: how many threads, or which GPU and its memory."""
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        return Text("device.gpu", name=card.name, gigabytes=round(card.total_memory / 1e9))
    return Text("device.cpu", threads=torch.get_num_threads()) if device.type == "cpu" else Text("device.mps")


def dtype_for(device: torch.device) -> torch.dtype:
    """The number format of large networks: what COLORIZERS_DTYPE says, else half precision where it is fast and sound.

    That is a GPU by CUDA, unless it is known to give NaN, by its name or since `use_single` was called, and a processor
    that multiplies in bfloat16 itself.
    """
    if device in _single_only:
        return torch.float32
    if (wanted := get_settings().dtype) != "auto":
        named = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
        return named[wanted]
    if device.type == "cpu":
        return torch.bfloat16 if multiplies_in_bfloat16() else torch.float32
    if device.type != "cuda":
        return torch.float32
    properties = torch.cuda.get_device_properties(device)
    sound = properties.major >= 6 and not has_broken_half(properties.name)
    return torch.float16 if sound else torch.float32


@functools.cache
def multiplies_in_bfloat16() -> bool:
    """Whether the processor has instructions for bfloat16, with which large networks take half the time."""
    known = torch.cpu.get_capabilities()
    return any(known.get(name, False) for name in ("avx512_bf16", "amx_bf16"))


def has_broken_half(name: str) -> bool:
    """Whether a GPU of this name is known to give NaN at half precision."""
    return "RTX" not in name and _BROKEN_HALF.search(name) is not None


def use_single(device: torch.device) -> bool:
    """Have networks in float32 from now on, as half precision gave NaN; False when they were in float32 already."""
    with _lock:
        if dtype_for(device) == torch.float32:
            return False
        _single_only.add(device)
        return True


def free_bytes(device: torch.device) -> int:
    """What is not taken on a device, by this process or another; on the CPU within the container's limit."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    free = _free_in_main_memory()
    if device.type == "mps":
        free = min(free, torch.mps.recommended_max_memory() - torch.mps.driver_allocated_memory())
    return max(free, 0)


def memory_limit(group: Path = _GROUP) -> int:
    """Bytes of main memory: the machine's, or the container's limit if that is less."""
    import psutil

    return min(int(psutil.virtual_memory().total), _number(group, _LIMITS, otherwise=2**63))


def _free_in_main_memory(group: Path = _GROUP) -> int:
    import psutil

    available = int(psutil.virtual_memory().available)
    limit = _number(group, _LIMITS, otherwise=0)
    if not limit:
        return available
    cached = sum(int(number) for number in _CACHED.findall(_text(group, _STATS))[-1:])
    return min(available, limit - _number(group, _USED, otherwise=0) + cached)


def _number(group: Path, names: tuple[str, ...], otherwise: int) -> int:
    """What a file of the control group says; `otherwise` where there is none, or no limit."""
    text = _text(group, names).strip()
    return int(text) if text.isdigit() else otherwise


def _text(group: Path, names: tuple[str, ...]) -> str:
    for name in names:
        try:
            return (group / name).read_text()
        except OSError:
            continue
    return ""


def empty_cache(device: torch.device) -> None:
    """Give memory that torch holds back for itself to others."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: of the CPU, CUDA and its libraries, or MPS."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and _OUT_OF_MEMORY.search(str(error)) is not None
