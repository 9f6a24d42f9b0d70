"""Where the text is found, how the Hub is asked for it, and what becomes of a bad archive."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import made_up
import pytest
from hub_server import Hub
from local_server import serving

from srlbench.data import archive, described, mirror, senteval
from srlbench.errors import SrlbenchError, UsageError
from srlbench.tracks import protocol as protocols

SIMCSE = protocols.load("simcse")

# Waiting between tries is the Hub library's; its pauses are left out here.
PULL = """
import sys, time
time.sleep = lambda seconds: None
from srlbench.data import mirror
from srlbench.errors import SrlbenchError
try:
    print(mirror.senteval())
except SrlbenchError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def tarred(members, end=True):
    """A tar of (name or TarInfo, content); without its end if so said."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in members:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            info.size = len(content) if info.isreg() else 0
            tar.addfile(info, io.BytesIO(content) if info.isreg() else None)
        whole = tar.offset
    return buffer.getvalue() if end else buffer.getvalue()[:whole]


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def good_members(prefix="./senteval/"):
    return [(prefix + name, content) for name, content in made_up.files().items()]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Stands for HF_HOME in this process."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(mirror.VARIABLE, raising=False)
    return tmp_path / "home"


@pytest.fixture
def pull(tmp_path):
    """What a fresh process says of the data: exit code, and the root or the sentence."""

    def run(endpoint, offline=False, home=tmp_path / "home"):
        env = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
        env.pop(mirror.VARIABLE, None)
        env |= {
            "HF_HOME": str(home),
            "HF_ENDPOINT": endpoint,
            "HF_HUB_OFFLINE": str(int(offline)),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "HF_HUB_VERBOSITY": "error",
            "HF_HUB_ETAG_TIMEOUT": "2",
            "HF_HUB_DOWNLOAD_TIMEOUT": "2",
        }
        env = {k: v for k, v in env.items() if k not in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN")}
        done = subprocess.run([sys.executable, "-c", PULL], env=env, capture_output=True, text=True, timeout=100)
        return done.returncode, (done.stderr if done.returncode else done.stdout).strip()

    return run


@pytest.fixture
def hub():
    with serving(Hub(tarred(good_members()))) as running:
        yield running


def nothing_half_written(home):
    folder = home / "srlbench"
    return not folder.exists() or [p.name for p in folder.iterdir()] in ([], [f"senteval-{mirror.REVISION[:12]}"])


def test_a_download_is_made_once(hub, pull, tmp_path):
    code, root = pull(hub.endpoint)
    assert code == 0, root
    assert Path(root) == tmp_path / "home" / "srlbench" / f"senteval-{mirror.REVISION[:12]}" / "senteval"
    assert senteval.task("TREC", Path(root)).counts() == {"train": 3, "test": 3}
    assert (hub.asked("HEAD file"), hub.asked("GET blob")) == (1, 1)
    before = list(hub.requests)
    assert pull(hub.endpoint) == (0, root)
    assert pull(hub.endpoint, offline=True) == (0, root)
    assert hub.requests == before


def test_the_unpacked_tree_is_made_again_from_the_cache(hub, pull, tmp_path):
    code, root = pull(hub.endpoint)
    assert code == 0, root
    for path in sorted(Path(root).parent.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert pull(hub.endpoint, offline=True) == (0, root)
    assert hub.asked("GET blob") == 1
    assert nothing_half_written(tmp_path / "home")


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("500", "the Hub answered 500"),
        ("404", "the Hub answered 404"),
        ("no revision", "the Hub has no such revision"),
        ("no repository", "the Hub answered 404"),
        ("no commit", "does not answer as the Hub does"),
        ("truncated", "peer closed connection without sending complete message body"),
        ("altered", "is damaged: its content is not what the Hub announced"),
    ],
)
def test_what_the_hub_does_wrong_is_one_sentence_and_leaves_nothing(hub, pull, tmp_path, fault, said):
    hub.fault = fault
    code, message = pull(hub.endpoint)
    assert code == SrlbenchError.exit_code
    assert "\n" not in message and said in message and message.endswith(".")
    if fault != "altered":
        assert message.startswith("Cannot fetch senteval.tar of princeton-nlp/datasets-for-simcse@e145e8b: ")
        assert "`srlbench data pull` on a machine with network" in message and "--data DIR or SRLBENCH_DATA" in message
    assert nothing_half_written(tmp_path / "home")
    hub.fault = ""
    code, root = pull(hub.endpoint)
    assert code == 0, root
    assert len(list(Path(root).iterdir())) == 9


def test_another_revision_is_not_taken(hub, pull):
    hub.revision = "0" * 40
    code, message = pull(hub.endpoint)
    assert code == SrlbenchError.exit_code and "no such revision" in message


def test_no_server_and_no_network(hub, pull):
    code, message = pull("http://127.0.0.1:9")
    assert code == SrlbenchError.exit_code
    assert "no connection to http://127.0.0.1:9; run `srlbench data pull`" in message and "\n" not in message
    code, message = pull(hub.endpoint, offline=True)
    assert code == SrlbenchError.exit_code
    assert "(HF_HUB_OFFLINE) and the file is not in its cache" in message and "\n" not in message
    assert hub.requests == []
    assert pull(hub.endpoint)[0] == 0


def test_a_bad_archive_of_the_hub_is_not_kept(pull, hub, tmp_path):
    good = hub.content
    hub.content = tarred([("../out", b"x"), *good_members()])
    code, message = pull(hub.endpoint)
    assert code == SrlbenchError.exit_code and "its member '../out' climbs out of its folder" in message
    assert nothing_half_written(tmp_path / "home") and not list(tmp_path.rglob("out"))
    hub.content = good
    assert pull(hub.endpoint)[0] == 0


def test_two_processes_at_once(hub, pull, tmp_path):
    found = []
    threads = [threading.Thread(target=lambda: found.append(pull(hub.endpoint))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found[0] == found[1] and found[0][0] == 0, found
    assert nothing_half_written(tmp_path / "home")


@pytest.mark.parametrize("wrap", [".", "senteval", "mirror/senteval", "a/b/data/downstream"])
def test_a_folder_is_known_by_its_content(tmp_path, home, wrap, monkeypatch):
    root = made_up.tree(tmp_path / "given" / wrap)
    assert mirror.senteval(tmp_path / "given").resolve() == root.resolve()
    monkeypatch.setenv(mirror.VARIABLE, str(tmp_path / "given"))
    assert mirror.senteval().resolve() == root.resolve()
    assert described(SIMCSE) == str(tmp_path / "given")
    assert not home.exists()


def test_the_place_given_is_named(home):
    assert described(SIMCSE) == "princeton-nlp/datasets-for-simcse@e145e8b"
    assert described(SIMCSE, Path("x")) == "x"
    assert (mirror.given(), mirror.given(Path("x"))) == (None, Path("x"))


@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("prefix", ["", "./", "data/downstream/"])
def test_an_archive_will_do(tmp_path, home, inside, prefix):
    folder = tmp_path / "given"
    folder.mkdir()
    (folder / "senteval.tar").write_bytes(tarred(good_members(prefix)))
    root = mirror.senteval(folder if inside else folder / "senteval.tar")
    assert senteval.task("MRPC", root).counts() == {"train": 2, "test": 2}
    assert home in root.parents
    written = (root / "MR" / "rt-polarity.pos").stat().st_mtime_ns
    assert mirror.senteval(folder) == root
    assert (root / "MR" / "rt-polarity.pos").stat().st_mtime_ns == written


def test_a_place_without_the_data_is_said(tmp_path, home):
    for place, said in ((tmp_path / "none", "There is no folder"), (tmp_path, "There is no SentEval data at")):
        with pytest.raises(UsageError, match=said) as caught:
            mirror.senteval(place)
        assert "senteval.tar" in str(caught.value) and "\n" not in str(caught.value)
    for odd in ("~nobody-of-this-name/x", "x" * 5000, "a\0b"):
        with pytest.raises(UsageError, match="There is no folder"):
            mirror.senteval(Path(odd))
    deep = made_up.tree(tmp_path / "1/2/3/4/5")
    with pytest.raises(UsageError):
        mirror.senteval(tmp_path)
    assert mirror.senteval(tmp_path / "1") == deep
    (tmp_path / "other.tar").write_bytes(tarred([("readme", b"x")]))
    with pytest.raises(UsageError, match="holds no SentEval tree"):
        mirror.senteval(tmp_path / "other.tar")
    assert list((home / "srlbench").iterdir()) == []


@pytest.mark.parametrize(
    ("member", "said"),
    [
        ("../x", "climbs out of its folder"),
        ("senteval/../../x", "climbs out of its folder"),
        ("/tmp/x", "has an absolute path"),
        ("a\\..\\x", "not one of a plain file"),
        ("C:x", "not one of a plain file"),
        ("a\nb", "not one of a plain file"),
        ("a/" * 20 + "x", "empty or too long"),
        ("y" * 300, "empty or too long"),
        (special("x", tarfile.SYMTYPE, "/etc/passwd"), "neither a plain file nor a folder"),
        (special("x", tarfile.LNKTYPE, "senteval/MR/rt-polarity.pos"), "neither a plain file nor a folder"),
        (special("x", tarfile.CHRTYPE), "neither a plain file nor a folder"),
        (special("x", tarfile.FIFOTYPE), "neither a plain file nor a folder"),
    ],
)
def test_an_archive_with_an_evil_member_is_refused_whole(tmp_path, home, member, said):
    path = tmp_path / "senteval.tar"
    path.write_bytes(tarred([*good_members(), (member, b"x")]))
    with pytest.raises(SrlbenchError, match=said) as caught:
        mirror.senteval(path)
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.rglob("*")) in (["senteval.tar"], ["home", "senteval.tar", "srlbench"])


@pytest.mark.parametrize(("bound", "value"), [("MAX_BYTES", 500), ("MAX_MEMBERS", 10)])
def test_an_archive_that_is_too_big_is_refused_before_it_is_written(tmp_path, home, monkeypatch, bound, value):
    path = tmp_path / "senteval.tar"
    path.write_bytes(tarred(good_members()))
    monkeypatch.setattr(archive, "_write", lambda *args: pytest.fail("written"))
    monkeypatch.setattr(archive, bound, value)
    with pytest.raises(SrlbenchError, match=f"more than .*{value}"):
        mirror.senteval(path)


def test_a_header_that_would_take_all_memory_is_refused(tmp_path, home):
    path = tmp_path / "senteval.tar"
    head = tarfile.TarInfo("././@PaxHeader")
    head.type, head.size = tarfile.XHDTYPE, 2**30
    path.write_bytes(head.tobuf() + tarred(good_members()))
    with pytest.raises(SrlbenchError, match=f"Refused .*: it has a header of {2**30} bytes"):
        mirror.senteval(path)


def test_what_is_there_stays_until_the_new_one_is_whole(tmp_path, home, monkeypatch):
    good, bad = tmp_path / "senteval.tar", tmp_path / "bad.tar"
    good.write_bytes(tarred(good_members()))
    bad.write_bytes(tarred([("a", b"x")]))
    target = mirror._target(mirror.REVISION[:12])
    monkeypatch.setattr(mirror, "_download", lambda name: good)
    root = mirror.pull()
    (root / "mark").touch()
    for now, said in ((bad, "holds no SentEval tree"), (None, "no network")):
        monkeypatch.setattr(mirror, "_download", lambda name, now=now: now or _fail("no network"))
        with pytest.raises(SrlbenchError, match=said):
            mirror.pull(anew=True)
        assert (root / "mark").exists() and [*target.parent.iterdir()] == [target]
    monkeypatch.setattr(mirror, "_download", lambda name: good)
    assert mirror.pull(anew=True) == root and not (root / "mark").exists()
    assert [*target.parent.iterdir()] == [target]


def _fail(said):
    raise SrlbenchError(said)


def test_a_cut_or_damaged_archive_is_refused_wherever_it_is_cut(tmp_path, home):
    whole = tarred(good_members())
    end = len(tarred(good_members(), end=False))
    path = tmp_path / "senteval.tar"
    # Inside a header, inside a file, at the end of one, and before the mark of the end.
    for size in (0, 100, 512, 700, 1024, 1536, 20_000, 512 * 31, end - 512, end):
        path.write_bytes(whole[:size])
        with pytest.raises(SrlbenchError, match="Cannot unpack") as caught:
            mirror.senteval(path)
        assert "\n" not in str(caught.value)
    for at in (5, 130, 1024 + 20, end // 2 // 512 * 512 + 3):
        path.write_bytes(whole[:at] + b"\xff" * 512 + whole[at + 512 :])
        with pytest.raises(SrlbenchError):
            mirror.senteval(path)
    path.write_bytes(tarred([*good_members("senteval/"), ("senteval/MR/rt-polarity.pos", b"twice")]))
    with pytest.raises(SrlbenchError, match="File exists"):
        mirror.senteval(path)
    assert list((home / "srlbench").iterdir()) == []


def test_a_killed_process_leaves_no_tree(tmp_path, home):
    path, target = tmp_path / "senteval.tar", home / "srlbench" / "senteval-x"
    path.write_bytes(tarred(good_members()))
    slow = (
        "import sys, time, shutil; from pathlib import Path; from srlbench.data import archive\n"
        "copy = shutil.copyfileobj\n"
        "def slow(*args): copy(*args); print('one', flush=True); time.sleep(0.2)\n"
        "shutil.copyfileobj = slow\n"
        "archive.unpack(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    child = subprocess.Popen([sys.executable, "-c", slow, path, target], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    [half] = target.parent.iterdir()
    assert half != target
    archive.unpack(path, target)  # beside what may be another process at work
    assert half.exists() and (target / "senteval" / "TREC").is_dir()
    old = time.time() - 7200
    os.utime(half, (old, old))
    archive.unpack(path, target)
    assert list(target.parent.iterdir()) == [target]


def test_a_folder_that_cannot_be_written_is_said(tmp_path, home):
    home.write_text("a file where a folder should be")
    (tmp_path / "senteval.tar").write_bytes(tarred(good_members()))
    with pytest.raises(SrlbenchError, match="Cannot unpack") as caught:
        mirror.senteval(tmp_path / "senteval.tar")
    assert "\n" not in str(caught.value)


def test_verify_says_of_every_set_what_is_wrong_with_it(tmp_path, cli):
    for name, content in made_up.files().items():
        path = tmp_path / "senteval" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    done = cli("data", "verify", "--data", tmp_path)
    said = [line for line in done.stdout.splitlines() if line.startswith("bad simcse ")]
    assert done.returncode == 3 and "Traceback" not in done.stderr
    assert len(said) == 14 and all("srlbench data pull" in line for line in said), done.stdout
    assert cli("data", "path", "--data", tmp_path).stdout.strip() == str(tmp_path / "senteval")
