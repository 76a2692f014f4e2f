"""The tokenizer: CLIP's byte-pair encoding (Sennrich et al. 2016), learned on the words of captions and prompts."""

import functools
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

WORDS = Path(__file__).with_name("words.txt")
TOKENS = 48  # of a text, the two that begin and end it among them
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_LAST = "</w>"  # marks the last piece of a word


def words() -> list[str]:
    """The words that the tokenizer knows well."""
    return sorted(set(WORDS.read_text().split()))


def tokenizer() -> Any:
    """A CLIPTokenizer for texts of at most 48 tokens; a word that it does not know falls into smaller pieces."""
    from transformers import CLIPTokenizer

    merges = _merges()
    letters = [letter + last for last in ("", _LAST) for letter in _byte_letters()]
    pieces = dict.fromkeys((*letters, *("".join(pair) for pair in merges), _BEGIN, _END))
    return CLIPTokenizer(vocab={piece: k for k, piece in enumerate(pieces)}, merges=merges, model_max_length=TOKENS)


@functools.cache
def _merges() -> list[tuple[str, str]]:
    """The pairs of pieces to be joined, the most frequent first, until every known word is one piece."""
    spelled = [[*word[:-1], word[-1] + _LAST] for word in words()]
    counts = Counter(pair for pieces in spelled for pair in pairwise(pieces))
    merges = []
    while counts:
        pair = min(counts, key=lambda each: (-counts[each], each))
        merges.append(pair)
        for k, pieces in enumerate(spelled):
            if pair in pairwise(pieces):
                counts.subtract(pairwise(pieces))
                spelled[k] = _joined(pieces, pair)
                counts.update(pairwise(spelled[k]))
        counts = +counts
    return merges


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for piece in pieces:
        if joined and (joined[-1], piece) == pair:
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _byte_letters() -> list[str]:
    """A letter for every byte, as byte-level vocabularies spell them: printable ones as they are, others from 256."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]
