"""Prompts: presets, captions, and the text encoder."""

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from colorizers.methods.stable_diffusion.denoising import PromptEmbeddings

Preset = Literal["natural", "kodachrome", "autochrome", "autumn", "summer", "golden", "blue", "portrait", "none"]
PRESETS: dict[Preset, tuple[str, str]] = {
    "natural": ("Natural colours", "natural colour photograph, realistic colours, soft daylight"),
    "kodachrome": ("1950s Kodachrome", "1950s Kodachrome slide, rich reds, warm skin, deep blue sky"),
    "autochrome": ("1910s autochrome", "early autochrome plate, muted pastel colours, faint grain"),
    "autumn": ("Autumn", "colour photograph in autumn, golden and russet leaves, low warm light"),
    "summer": ("Summer", "colour photograph in high summer, green leaves, blue sky, bright sunlight"),
    "golden": ("Golden hour", "colour photograph at golden hour, warm low sunlight, long shadows"),
    "blue": ("Blue hour", "colour photograph at dusk, cool blue light, warm lamps"),
    "portrait": ("Portrait", "colour portrait photograph, natural skin tones, natural hair and eye colours"),
    "none": ("None", ""),
}
"""What each is called, and the words that it adds to the prompt."""

NEGATIVE = "black and white, monochrome, grayscale, sepia, tinted, oversaturated, painting, drawing, text, watermark"
TOKENS = 77  # the text encoder's, the two that begin and end a text among them


@dataclass(frozen=True, eq=False)
class Encoded:
    """The embedding of a text, (1, 77, D), and whether its end did not fit."""

    states: Tensor
    cut: bool


class TextEncoder(nn.Module):
    """CLIP's text encoder together with its tokenizer."""

    def __init__(self, network: Any, tokenizer: Any) -> None:
        super().__init__()
        self.network = network
        self._tokenizer = tokenizer

    def forward(self, text: str) -> Encoded:
        """Encode a text, of which the first 75 tokens are used."""
        tokenizer = self._tokenizer
        tokens = tokenizer(text, padding="max_length", max_length=TOKENS, truncation=True, return_tensors="pt")
        whole = len(tokenizer(text, truncation=False, verbose=False).input_ids)
        states = self.network(tokens.input_ids.to(self.network.device))[0]
        return Encoded(states, whole > TOKENS)


def full_prompt(prompt: str, preset: Preset, caption: str = "") -> str:
    """The whole prompt: the user's own words first, since what comes last may be cut."""
    parts = (prompt.strip(), caption.strip(), PRESETS[preset][1])
    return ", ".join(part for part in parts if part)


@torch.inference_mode()
def encode_prompts(encoder: nn.Module, positive: str, negative: str, notes: list[str]) -> PromptEmbeddings:
    """The embeddings of both prompts; a note says what did not fit."""
    both = encoder(positive), encoder(negative)
    for name, encoded in zip(("prompt", "negative prompt"), both, strict=True):
        if encoded.cut:
            notes.append(f"The {name} was cut after {TOKENS - 2} tokens, the limit of Stable Diffusion.")
    return PromptEmbeddings(both[0].states, both[1].states)
