"""A small SentEval tree of made-up sentences, with every quirk of the real one."""

from __future__ import annotations

from pathlib import Path

from srlbench.data.senteval import SUBSETS

SICK_HEAD = "pair_ID\tsentence_A\tsentence_B\trelatedness_score\tentailment_judgment"
MRPC_HEAD = "Quality\t#1 ID\t#2 ID\t#1 String\t#2 String"


def files() -> dict[str, bytes]:
    """Path below the root -> content."""
    found: dict[str, bytes] = {}
    for name, subsets in SUBSETS.items():
        for subset in subsets:
            here = f"STS/{name}-en-test/STS"
            # Other ends of a line than \n are white space within a sentence.
            pairs = f"a {subset}  cat .\tthe\x85cat\u2028of\x0b{name} .\nnot scored\tat all\n\"so\tit ends' \n"
            found[f"{here}.input.{subset}.txt"] = pairs.encode()
            found[f"{here}.gs.{subset}.txt"] = b"4.400\n\n0\n"
    for split in ("dev", "test"):
        found[f"STS/STSBenchmark/sts-{split}.csv"] = (
            f'main-news\tMSRpar\t2012{split}\t0007\t2.500\ta {split} .\t"one" .\n'
            f"main-forums\tdeft-forum\t2014\t0008\t5\tcafé\tcoffee\n"
        ).encode()
    for part, end in (("train", "\n"), ("trial", "\n"), ("test_annotated", "\r\n")):
        lines = [SICK_HEAD, f"1\tA {part} runs\tNobody runs\t1.6\tCONTRADICTION", "2\tIt is\tIt's\t5\tENTAILMENT", ""]
        found[f"SICK/SICK_{part}.txt"] = end.join(lines).encode()
    found |= {
        "MR/rt-polarity.pos": b"good M-i film\nfine \n",
        "MR/rt-polarity.neg": b"  bad film\n",
        "CR/custrev.pos": b"works\n\n",
        "CR/custrev.neg": b"broke\n\nbroke again\n\n",
        "SUBJ/subj.objective": b"he leaves\n",
        "SUBJ/subj.subjective": b"one leaves early\ncaf\xe9\n",
        "MPQA/mpqa.pos": b"great\n\n",
        "MPQA/mpqa.neg": b"poor\n",
        "SST/binary/sentiment-train": b"warm \t1\ncold \t0\n",
        "SST/binary/sentiment-dev": b"warmer \t1\n",
        "SST/binary/sentiment-test": b"colder \t0\n",
        "TREC/train_5500.label": b"DESC:manner How so ?\nABBR:exp What is an ego\xf0trip ?\nNUM:dist How far: near ?\n",
        "TREC/TREC_10.label": b"HUM:desc Who ?\nLOC:city Where ?\nENTY:animal Which ?\n",
    }
    for split in ("train", "test"):
        text = f'\ufeff{MRPC_HEAD}\n1\t10\t11\tHe said {split} .\tHe says " it .\n0\t12\t13\tNo .\tYes .\n'
        found[f"MRPC/msr_paraphrase_{split}.txt"] = text.encode()
    return found


def tree(root: Path) -> Path:
    for name, content in files().items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root
