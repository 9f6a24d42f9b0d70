"""Text of others inside Markdown."""

from __future__ import annotations

_SPECIAL = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "\\|", "`": "\\`", "*": "\\*", "[": "\\["}


def escaped(text: str) -> str:
    """One line that stays inside its cell and means nothing but itself."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))
