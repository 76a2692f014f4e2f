"""Prompts: presets, captions, and the text encoder."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from colorizers.methods.stable_diffusion.denoising import PromptEmbeddings
from colorizers.words import Text

Preset = Literal["natural", "kodachrome", "autochrome", "autumn", "summer", "golden", "blue", "portrait", "none"]
PRESETS: dict[Preset, str] = {
    "natural": "natural colour photograph, realistic colours, soft daylight",
    "kodachrome": "1950s Kodachrome slide, rich reds, warm skin, deep blue sky",
    "autochrome": "early autochrome plate, muted pastel colours, faint grain",
    "autumn": "colour photograph in autumn, golden and russet leaves, low warm light",
    "summer": "colour photograph in high summer, green leaves, blue sky, bright sunlight",
    "golden": "colour photograph at golden hour, warm low sunlight, long shadows",
    "blue": "colour photograph at dusk, cool blue light, warm lamps",
    "portrait": "colour portrait photograph, natural skin tones, natural hair and eye colours",
    "none": "",
}
"""The words that each adds to the prompt."""

NEGATIVE = "black and white, monochrome, grayscale, sepia, tinted, oversaturated, painting, drawing, text, watermark"


@dataclass(frozen=True, eq=False)
class Encoded:
    """The embedding of a text, (1, T, D), and whether its end did not fit."""

    states: Tensor
    cut: bool


class TextEncoder(nn.Module):
    """CLIP's text encoder together with its tokenizer."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        super().__init__()
        self.network = network
        self._tokenizer = tokenizer

    def forward(self, text: str) -> Encoded:
        """Encode a text as T tokens, which begin with one for its begin and hold one for its end."""
        tokenizer, limit = self._tokenizer, self.network.config.max_position_embeddings
        tokens = tokenizer(text, padding="max_length", max_length=limit, truncation=True, return_tensors="pt")
        whole = len(tokenizer(text, truncation=False, verbose=False).input_ids)
        states = self.network(tokens.input_ids.to(self.network.device))[0]
        return Encoded(states, whole > limit)


def full_prompt(prompt: str, preset: Preset, caption: str = "") -> str:
    """The whole prompt: the user's own words first, since what comes last may be cut."""
    parts = (prompt.strip(), caption.strip(), PRESETS[preset])
    return ", ".join(part for part in parts if part)


@torch.inference_mode()
def encode_prompts(encoder: nn.Module, positive: str, negative: str, notes: list[Text]) -> PromptEmbeddings:
    """The embeddings of both prompts; a note says what did not fit."""
    wanted, unwanted = encoder(positive), encoder(negative)
    if wanted.cut:
        notes.append(Text("stable_diffusion.prompt-cut", tokens=wanted.states.shape[1] - 2))
    if unwanted.cut:
        notes.append(Text("stable_diffusion.negative-prompt-cut", tokens=wanted.states.shape[1] - 2))
    return PromptEmbeddings(wanted.states, unwanted.states)
