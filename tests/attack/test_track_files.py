"""Track files of every wrong kind: one sentence, exit code 2, and nothing outside the results folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import Cli

from srlbench import tracks
from srlbench.errors import UsageError

SHIPPED = (tracks.FOLDER / "embedded.toml").read_text(encoding="utf-8")
WRONG = {  # what stands in the file -> what stands there instead, and what is said
    'name = "embedded"': [
        ('name = "../../../x"', "is more than letters"), ('name = ".."', "is more than letters"),
        ('name = "a/b"', "is more than letters"), ("name = 3", "name = 3 is no str"),
        ('name = ""', "is more than letters"),
        ('name = "\\u001b[2J"', "is more than letters"),
    ],
    "version = 4": [
        ('version = "4"', "version = '4' is no int"), ("version = 0", "from 1 on"), ("version = true", "no int"),
    ],
    "threads = 1": [("threads = -1", "from 1 on"), ("threads = 1.5", "no int"), ("", "threads")],
    "seeds = [": [
        ("seeds = 3 #", "seeds = 3 is no list"), ("seeds = [] #", "not empty"), ("seeds = [-1] #", "below 2"),
        ('seeds = ["a"] #', "below 2"),
    ],
    "backbones = [": [("backbones = [] #", "not empty"), ("backbones = 3 #", "is no list")],
    "[training]": [("[[training]]", "no dict"), ("training = 3\n[other]", "other")],
    "batch_size = ": [
        ('batch_size = "many" #', "is not a whole number"), ("batch_size = nan #", "is not a whole number"),
    ],
    "select_on = ": [('select_on = "Nothing" #', "is none of"), ("select_on = 3 #", "is not a word")],
    "lines = ": [('lines = "all" #', "says no number of lines"), ("lines = 0 #", "says no number of lines")],
    'protocol = "generated"': [('protocol = "../x"', "Unknown protocol"), ("protocol = 3", "Unknown protocol")],
}  # fmt: skip
CASES = [(old, new, said) for old, others in WRONG.items() for new, said in others]


@pytest.mark.parametrize(("old", "new", "said"), CASES)
def test_a_wrong_line_is_one_sentence(old: str, new: str, said: str, tmp_path: Path) -> None:
    assert old in SHIPPED
    path = tmp_path / "mine.toml"
    path.write_text(SHIPPED.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        tracks.read(path)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"name = ", b"[[[", b"a.b = 1", b"tasks = 3", b"x" * 10_000])
def test_a_file_of_something_else_is_one_sentence(content: bytes, tmp_path: Path, here: Cli) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(content)
    for read in (tracks.read, tracks.protocol.read):
        with pytest.raises(UsageError, match=r"is not a complete track|is not a whole protocol"):
            read(path)


def test_a_name_that_climbs_writes_nothing(tmp_path: Path, here: Cli) -> None:
    path = tmp_path / "in" / "mine.toml"
    path.parent.mkdir()
    path.write_text(SHIPPED.replace('name = "embedded"', 'name = "../../up"', 1), encoding="utf-8")
    done = here("run", "bag-random", "--track", path, "--seeds", "0", "--results", tmp_path / "in" / "results")
    assert done.returncode == 2 and "is more than letters" in done.stderr
    assert [*tmp_path.iterdir()] == [tmp_path / "in"] and [*path.parent.iterdir()] == [path]
