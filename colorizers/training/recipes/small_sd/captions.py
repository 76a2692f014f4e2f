"""Captions of photographs: what a label says they show, and the colours that are measured in the picture itself."""

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

COLORS = (
    "black", "gray", "white", "red", "orange", "yellow", "green", "turquoise", "blue", "purple", "pink", "brown",
    "beige",
)  # fmt: skip
_GRID = 24  # places a side at which a picture is looked at
_NEUTRAL = 9.0  # chroma, in Lab units, below which nothing has a colour
_DARK, _LIGHT = 28.0, 80.0  # L* of black and white
# Hue angles in degrees at which a colour ends and the next begins; blue goes as far as that of sRGB's own blue.
_HUES = ((20, "pink"), (46, "red"), (76, "orange"), (104, "yellow"), (168, "green"), (215, "turquoise"),
         (312, "blue"), (338, "purple"), (360, "pink"))  # fmt: skip
_DOMINANT = 0.45  # share of a region that a colour needs to be named
_SMOOTH = 14.0  # spread of L* below which a light region is a sky
_WARM, _COLD = 15.0, -4.0  # mean b* of a picture in warm and in cold light
_MUTED, _VIVID = 9.0, 27.0  # mean chroma


@dataclass(frozen=True)
class Subject:
    """What a label stands for: words with an article, and a kind that says what its regions may be called."""

    words: str
    kind: str  # person, indoor, thing, outdoor or unknown


_UNKNOWN = Subject("", "unknown")
_PEOPLE = {
    "face": "the face of a person", "faces": "the face of a person", "woman": "a portrait of a woman",
    "man": "a portrait of a man", "person": "a person", "street fashion": "a woman in the street",
    "farmer": "a farmer", "firefighter": "a firefighter", "judge": "a judge", "engineer": "an engineer",
    "police": "a police officer", "mechanic": "a mechanic", "chef": "a chef", "waiter": "a waiter",
    "pilot": "a pilot", "doctor": "a doctor", "kabaddi": "men playing kabaddi", "volleyball": "people at volleyball",
    "hockey": "people playing hockey", "tennis": "a tennis player", "football": "football players",
    "cricket": "a cricket player", "baseball": "a baseball player", "basketball": "basketball players",
    "badminton": "a badminton player", "weight lifting": "a man lifting weights", "ice hockey": "ice hockey players",
    "fencing": "two people fencing",
}  # fmt: skip
_INDOOR = {
    "kitchen": "a kitchen", "living room": "a living room", "bedroom": "a bedroom", "bathroom": "a bathroom",
    "food": "food on a plate", "chess": "a game of chess", "table tennis": "people playing table tennis",
}  # fmt: skip
_OUTDOOR = {
    "landscapes": "a landscape", "buildings": "buildings in a city", "street": "a street with cars",
    "frontal": "a house", "house": "a house", "car": "a car", "cattle": "a cow", "motogp": "a man on a motorcycle",
    "formula1": "a racing car", "n03028079": "a church", "n03417042": "a truck", "n03425413": "a gas pump",
    "n03888257": "a parachute", "n03445777": "a golf ball on grass",
}  # fmt: skip
_THINGS = {
    "n01440764": "a man with a fish", "n02102040": "a dog", "n02979186": "a cassette player",
    "n03000684": "a chain saw", "n03394916": "a french horn",
}  # fmt: skip
_SUBJECTS = {
    label: Subject(words, kind)
    for kind, table in (("person", _PEOPLE), ("indoor", _INDOOR), ("outdoor", _OUTDOOR), ("thing", _THINGS))
    for label, words in table.items()
}

# What a region may be called, by its colour; {} stands for the colour.
_SKY = {"blue": ("blue sky", "clear blue sky", "bright blue sky"), "turquoise": ("blue sky", "turquoise sky"),
        "gray": ("gray sky", "cloudy sky", "overcast sky"), "white": ("white sky", "white clouds", "pale sky"),
        "orange": ("orange sky", "orange sunset sky", "sunset"), "yellow": ("yellow sky", "golden sky", "sunset"),
        "pink": ("pink sky", "pink sunset sky"), "red": ("red sky", "red sunset sky", "sunset"),
        "purple": ("purple sky", "purple evening sky"), "brown": ("dark orange sky", "sunset"),
        "beige": ("pale warm sky", "hazy sky")}  # fmt: skip
_GROUND = {"green": ("green grass", "green meadow", "green field"), "blue": ("blue water", "blue sea"),
           "turquoise": ("turquoise water", "turquoise sea"), "beige": ("sand", "beige sand", "dry grass"),
           "yellow": ("yellow field", "dry yellow grass"), "orange": ("orange ground", "warm sand"),
           "brown": ("brown earth", "brown ground"), "white": ("white ground", "snow", "white snow"),
           "gray": ("gray ground", "gray street")}  # fmt: skip
_CLOTHES = ("{} clothes", "a {} dress", "a {} shirt", "dressed in {}", "a {} jacket", "a {} coat", "wearing {}")
_LEAVES = {"green": ("green leaves", "green trees", "green plants"),
           "orange": ("orange autumn leaves", "autumn colors"), "yellow": ("yellow leaves", "golden autumn leaves"),
           "red": ("red leaves", "red flowers"), "pink": ("pink flowers",)}  # fmt: skip
_WARM_LIGHT = ("warm light", "warm evening light", "warm sunset, orange light", "golden hour", "golden light",
               "warm low sunlight", "warm colors")  # fmt: skip
_COLD_LIGHT = ("cold light", "cold blue light", "cold blue winter light", "blue hour", "cool blue light",
               "cold colors")  # fmt: skip
_MUTED_COLORS = ("muted, faded colors", "muted colors", "faded colors", "pale colors", "pastel colors", "desaturated")
_VIVID_COLORS = ("vivid colors", "rich colors", "bright saturated colors", "colorful", "strong colors")
_NATURAL = ("natural colors", "realistic colors", "natural color photograph", "soft daylight",
            "natural color photograph, realistic colors, soft daylight")  # fmt: skip
_OPENINGS = ("", "", "a photo of ", "a color photograph of ", "a picture of ")
_NO_COLORS = ("black and white", "monochrome", "grayscale", "a black and white photograph", "gray, no color")
_BRITISH = {"color": "colour", "colors": "colours", "colorful": "colourful", "gray": "grey"}


def subject_of(label: str) -> Subject:
    """What a label of the photographs stands for; a number, or none, says nothing."""
    name = label.rpartition("/")[2].replace("_", " ").strip()
    if name.lower() in _SUBJECTS:
        return _SUBJECTS[name.lower()]
    name = " ".join(re.findall(r"[a-z]+", name.lower()))
    if not name or not label or name in ("bsds", "dpst"):
        return _UNKNOWN
    if label.startswith("birds/"):
        name = f"{name}, a bird"
    several = name.endswith("s") and not name.endswith("ss")
    article = "" if several else "an " if name[0] in "aeiou" else "a "
    return Subject(article + name, "thing")


def color_ids(lab: Tensor) -> Tensor:
    """The index in `COLORS` of the name of every colour: Lab (3, ...) to (...)."""
    light, a, b = lab
    chroma = torch.hypot(a, b)
    hue = torch.rad2deg(torch.atan2(b, a)) % 360
    edges = torch.tensor([edge for edge, _ in _HUES[:-1]], device=lab.device, dtype=hue.dtype)
    names = torch.tensor([COLORS.index(name) for _, name in _HUES], device=lab.device)
    found = names[torch.bucketize(hue, edges, right=True)]
    warm = (hue > 30) & (hue < 112)
    found = torch.where(warm & (light < 52) & (chroma < 45) & (hue < 90), COLORS.index("brown"), found)
    found = torch.where(warm & (light > 62) & (chroma < 26), COLORS.index("beige"), found)
    found = torch.where((found == COLORS.index("red")) & (light > 68), COLORS.index("pink"), found)
    found = torch.where((found == COLORS.index("pink")) & (light < 40) & (hue < 20), COLORS.index("red"), found)
    neutral = (light >= _DARK).long() + (light > _LIGHT).long()
    return torch.where((chroma < _NEUTRAL) | (light < 12), neutral, found)


@dataclass(frozen=True, eq=False)
class _Look:
    """A picture at a few places: Lab (3, h, w) and the names (h, w) of its colours."""

    lab: Tensor
    ids: Tensor

    def part(self, top: float, bottom: float, left: float = 0.0, right: float = 1.0) -> "_Look":
        """A region, its sides as shares of the picture's."""
        height, width = self.ids.shape
        rows, columns = (
            slice(int(top * height), math.ceil(bottom * height)),
            slice(int(left * width), int(right * width)),
        )
        return _Look(self.lab[:, rows, columns], self.ids[rows, columns])

    def shares(self) -> list[float]:
        """Of each colour."""
        counts = torch.bincount(self.ids.flatten(), minlength=len(COLORS))
        return [count / self.ids.numel() for count in counts.tolist()]

    def main(self, needed: float = _DOMINANT) -> str:
        """The colour that most of it has; empty when none has enough."""
        share, k = max((share, k) for k, share in enumerate(self.shares()))
        return COLORS[k] if share >= needed else ""


def seen_colors(lab: Tensor, kind: str, random: random.Random) -> list[str]:
    """What can be said of the colours of a picture, Lab (3, H, W), that shows a subject of a kind.

    Light and saturation come last. Where there are several words for the same, one is drawn.
    """
    small = interpolate(lab[None], (_GRID, _GRID), mode="area")[0].float()
    look = _Look(small, color_ids(small))
    said: list[str] = []
    if kind in ("outdoor", "unknown", "thing"):
        said += _sky(look.part(0, 1 / 3), kind, random) + _ground(look.part(2 / 3, 1), kind, random)
        said += _leaves(look, random)
    if kind == "person":
        color = look.part(0.55, 1, 0.25, 0.75).main()
        said += [random.choice(_CLOTHES).format(color)] if color else []
        said += _behind(look, random)
    if kind == "indoor":
        color = look.part(0, 0.5).main()
        said += [f"{color} walls"] if color else []
    return said + _palette(look, random) + _light(small, random)


def _sky(top: _Look, kind: str, random: random.Random) -> list[str]:
    color, light = top.main(), top.lab[0]
    if color in _SKY and light.mean() > 40 and light.std() < _SMOOTH and kind != "thing":
        return [random.choice(_SKY[color])]
    return [f"{color} background"] if color and light.std() < _SMOOTH else []


def _ground(bottom: _Look, kind: str, random: random.Random) -> list[str]:
    color = bottom.main()
    return [random.choice(_GROUND[color])] if color in _GROUND and (kind != "thing" or color == "green") else []


def _leaves(look: _Look, random: random.Random) -> list[str]:
    middle = look.part(0, 0.8)
    color = middle.main(0.35)
    return [random.choice(_LEAVES[color])] if color in _LEAVES and middle.lab[0].std() > _SMOOTH else []


def _behind(look: _Look, random: random.Random) -> list[str]:
    sides = (look.part(0, 0.5, 0, 0.2), look.part(0, 0.5, 0.8, 1))
    color = sides[0].main()
    return [f"{color} background"] if color and color == sides[1].main() else []


def _palette(look: _Look, random: random.Random) -> list[str]:
    """The two colours, other than gray tones, that there are most of."""
    shares = sorted(
        ((share, COLORS[k]) for k, share in enumerate(look.shares()) if k > 2 and share > 0.12), reverse=True
    )
    names = [name for _, name in shares[:2]]
    if not names:
        return []
    return [random.choice(("{}", "{} colors", "mostly {}")).format(" and ".join(names))]


def _light(lab: Tensor, random: random.Random) -> list[str]:
    chroma, warmth = torch.hypot(*lab[1:]), lab[2]
    said = []
    if warmth.mean() > _WARM and (warmth > 4).float().mean() > 0.75:
        said.append(random.choice(_WARM_LIGHT))
    elif warmth.mean() < _COLD and (warmth < 0).float().mean() > 0.6:
        said.append(random.choice(_COLD_LIGHT))
    if chroma.mean() < 2:
        return [random.choice(_NO_COLORS)]
    words = _MUTED_COLORS if chroma.mean() < _MUTED else _VIVID_COLORS if chroma.mean() > _VIVID else _NATURAL
    return [*said, random.choice(words)]


def caption(lab: Tensor, label: str, random: random.Random) -> str:
    """A caption of a picture, Lab (3, H, W): its subject, where the label says one, and some of its colours.

    Of what can be said, each part is left out now and then, and the order of the colours is drawn: people are brief.
    """
    subject = subject_of(label)
    colors = [said for said in seen_colors(lab, subject.kind, random) if random.random() < 0.7]
    random.shuffle(colors)
    opening = random.choice(_OPENINGS)
    parts = [opening + subject.words] if subject.words and random.random() < 0.8 else []
    words = ", ".join((*parts, *colors))
    return _british(words) if random.random() < 0.5 else words


def _british(words: str) -> str:
    return re.sub(rf"\b({'|'.join(_BRITISH)})\b", lambda found: _BRITISH[found[0]], words)


def captions(lab: Tensor, labels: Sequence[str], seed: int) -> list[str]:
    """A caption for each picture of a batch, Lab (B, 3, H, W), the same for the same seed."""
    draws = random.Random(seed)
    return [caption(each, label, draws) for each, label in zip(lab.cpu(), labels, strict=True)]
