"""Noise in sentences: swapped letters, dropped words, lost capitals."""

from __future__ import annotations

from random import Random


def swap_letters(word: str, rng: Random) -> str:
    if len(word) < 5:
        return word
    at = 1 + int(rng.random() * (len(word) - 3))
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


def typed(text: str, rng: Random) -> str:
    """The text as if typed fast: lower case, no full stop, a letter swap in one word of ten, one of twenty lost."""
    words = text.lower().rstrip(".").split()
    kept = [word for word in words if rng.random() >= 0.05] or words
    return " ".join(swap_letters(word, rng) if rng.random() < 0.1 else word for word in kept)


def headline(text: str, rng: Random) -> str:
    """The text as a headline: without articles and full stop."""
    words = [word for word in text.rstrip(".").split() if word.lower() not in ("a", "an", "the")]
    line = " ".join(words)
    return line[:1].upper() + line[1:]


def plain(text: str, rng: Random) -> str:
    return text
