"""English word forms: plurals, verb forms, articles."""

from __future__ import annotations

import re
from functools import cache

from .lexicon import lexicon

# A word of one syllable with consonant, vowel, consonant at its end doubles the last letter: chop, chopped.
_SHORT = re.compile(r"[^aeiou]*(?:qu)?[aeiou][bdfgklmnprtvz]")
_SILENT_H = ("hour", "honest", "heir", "honour")
_LIKE_Y = ("uni", "use", "eu", "one", "uk")
_EXCEPT = ("unin", "unim")


def _regular_s(word: str) -> str:
    if re.search(r"(s|x|z|ch|sh|[^aeiou]o)$", word):
        return word + "es"
    return word[:-1] + "ies" if re.search(r"[^aeiou]y$", word) else word + "s"


@cache
def plural(noun: str) -> str:
    irregular = lexicon().plurals
    if noun in irregular:
        return irregular[noun]
    head, _, last = noun.rpartition(" ")
    if last in irregular:
        last = irregular[last]
    elif last.endswith("man") and last not in ("human", "german"):
        last = last[:-3] + "men"
    elif last.endswith("child"):
        last += "ren"
    else:
        last = _regular_s(last)
    return f"{head} {last}" if head else last


def _doubles(word: str) -> bool:
    return bool(_SHORT.fullmatch(word)) or word in lexicon().doubling


def _ed(word: str) -> str:
    if word.endswith("e"):
        return word + "d"
    if re.search(r"[^aeiou]y$", word):
        return word[:-1] + "ied"
    return word + word[-1] + "ed" if _doubles(word) else word + "ed"


def _ing(word: str) -> str:
    if word.endswith("e") and not word.endswith(("ee", "oe", "ye")):
        return word[:-1] + "ing"
    return word + word[-1] + "ing" if _doubles(word) else word + "ing"


@cache
def verb_forms(verb: str) -> dict[str, str]:
    """The forms of a verb with its particle: base, s, past, done (past participle), ing."""
    head, _, rest = verb.partition(" ")
    past, done = lexicon().verbs.get(head) or (_ed(head), _ed(head))
    forms = {"base": head, "s": _regular_s(head), "past": past, "done": done, "ing": _ing(head)}
    return {form: f"{word} {rest}" if rest else word for form, word in forms.items()}


@cache
def article(following: str) -> str:
    """The indefinite article before these words: 'a' or 'an'."""
    word = following.lower()
    if word.startswith(_SILENT_H):
        return "an"
    if word.startswith(_LIKE_Y) and not word.startswith(_EXCEPT):
        return "a"
    return "an" if word[0] in "aeiou" or word.startswith("x-") else "a"
