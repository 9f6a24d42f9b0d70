"""Negation by rule (SNCSE, arXiv 2201.05979): a sentence that says the opposite with almost the same words."""

import re

AUXILIARIES = (
    "is", "are", "was", "were", "am", "be", "been", "has", "have", "had", "can", "could", "will", "would", "shall",
    "should", "may", "might", "must", "do", "does", "did",
)  # fmt: skip
_NEGATED = re.compile(r"\b(ca|wo|sha|can)(n't|n’t|not)\b|\bnot\b ?| ?n['’]t\b", re.IGNORECASE)
_WHOLE = {"ca": "can", "wo": "will", "sha": "shall", "can": "can"}
_AUXILIARY = re.compile(rf"\b({'|'.join(AUXILIARIES)})\b", re.IGNORECASE)


def negation(text: str) -> str:
    """The text without its first "not"; else with "not" behind its first auxiliary; else with "not" before it all.

    SNCSE finds the verb with a parser and gives it "do not". This rule needs none: a main verb gets "not" at the start.
    """
    if found := _NEGATED.search(text):
        return text[: found.start()] + _WHOLE.get((found[1] or "").lower(), "") + text[found.end() :]
    if found := _AUXILIARY.search(text):
        return f"{text[: found.end()]} not{text[found.end() :]}"
    return f"not {text}"
