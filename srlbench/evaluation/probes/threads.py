"""The number of threads that torch uses in a probe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[int]:
    """Use one thread for each operation; yield the previous number of threads, and restore it at the end.

    The operations of a probe are short. On a busy machine, threads that share an operation wait for each other ten
    times as long as it takes, and sums would depend on the number of threads.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)
