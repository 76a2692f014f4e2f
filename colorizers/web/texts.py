"""Every text of the page, in one place. Options bring their own labels and help: see `colorizers.options`."""

from colorizers.methods.method import MethodInfo

NAME = "Colorizers"
TAGLINE = "Colour for black-and-white photographs."

DROP = "Drop a black-and-white photo here"
DROP_HOW = "or click to choose one, or paste it"
LIMITS = "PNG, JPEG, WebP, TIFF, BMP or AVIF, up to {megabytes:g} MB and {megapixels:g} megapixels"
EXAMPLES = "Or try one of these"
TURN_LEFT = "↺ Turn left"
TURN_RIGHT = "Turn right ↻"
ANOTHER = "Another photo"
SIXTEEN_BIT = "16-bit gray"

PICTURE = "or your own: drop it here, or click"
OWN_PICTURE = "Drop it here, or click"
NO_PICTURE = "No picture chosen yet"
REMOVE = "Remove"

COLORIZE = "Colour the photo"
STOP = "Stop"
ADVANCED = "Advanced"

NOT_HERE = "{word} (not installed)"
MORE_WEIGHTS = "Not installed: {names}; {how}."
SLOW = (
    "There is no GPU here, so a picture takes minutes; a guidance scale of 1, and under Advanced fewer steps and a "
    "smaller working size, make it faster."
)

RESULT = "Before and after"
BEFORE_ALT = "Before: the photo in black and white"
AFTER_ALT = "After: the photo in colour"
NOT_YET_ALT = "The photo, not coloured yet"
DIVIDER = "Divider position"
VARIANTS = "Variants: choose one"
MAPS = "What the model was shown"
SEED_USED = "Seed {seed}"
ANY_SEED = "A new one each time"
USE_SEED = "Use this seed"

FINISH = "Finish"
RESET = "Reset"

FORMAT = "File format"
SIXTEEN_BIT_TIFF = "TIFF, 16 bit"
KEEP_EXIF = "Keep the photo's EXIF data"
DOWNLOAD = "Download"

STARTING = "Starting"
USUALLY = "usually {seconds}"
LEFT = "about {seconds} left"
IN_LINE = "Queued"
WAITING = {0: "Yours is next", 1: "Waiting: one job comes first"}
WAITING_MORE = "Waiting: {ahead} jobs come first"
DONE = "Coloured in {seconds}. Drag the divider to compare."
STOPPING = "Stopping after this step"
STOPPED = "Stopped."
LOSSES = "losses by step"
NO_LOSSES = "Losses are drawn here while it runs"
SAVING = "Making the full-size file …"

GONE = "{name} is no longer here; please upload it again."
NO_PHOTO = "The photo is no longer here; please upload it again."
RESULTS_GONE = "These results had to make room for newer ones; colour the photo again."
NOTHING_YET = "There is nothing to save yet; colour the photo first."
NOT_AMONG = "That picture is no longer here; choose another."
NOT_UPLOADED = "{name} must be an uploaded file."
NOT_JSON = "{name} must be a JSON object of at most {limit} characters."


def tab(info: MethodInfo) -> str:
    """The name of a tab: the method and its purpose."""
    return f"{info.title}: {info.purpose}"


def seconds(value: float) -> str:
    """A duration as people say it."""
    if value < 1:
        return "less than a second"
    if value < 90:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min"


def missing(names: list[str], hows: list[str]) -> str:
    """A sentence that names weights which are not installed; `hows` are ways to get them, of which one is named."""
    return MORE_WEIGHTS.format(names=", ".join(names), how=hows[0] + (", and so on" if len(hows) > 1 else ""))


def number(value: float) -> str:
    """Three digits of it, or more where it is large."""
    return f"{value:.0f}" if 1000 <= value < 1e6 else f"{value:.3g}"


def losses(done: int, total: int, named: list[tuple[str, str]]) -> str:
    """The plot of the losses in words: their names and present values."""
    return f"Losses after step {done} of {total}: {', '.join(f'{name} {value}' for name, value in named)}"


def waiting(ahead: int) -> str:
    """The place in the line."""
    return WAITING.get(ahead, WAITING_MORE.format(ahead=ahead))


def starting(usual: float | None) -> str:
    """A job begins, which took so many seconds the last time."""
    return STARTING if usual is None else f"{STARTING}, {USUALLY.format(seconds=seconds(usual))}"


def step(text: str, left: float | None) -> str:
    """A step, and the seconds that are left."""
    return text if left is None or left < 1 else f"{text}, {LEFT.format(seconds=seconds(left))}"
