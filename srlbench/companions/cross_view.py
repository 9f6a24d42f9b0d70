"""Self-supervised cross-view training: each view must see past sentences as the other does (SCT, arXiv 2311.03228)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import kl_div, normalize

from srlbench.training.step import Start, Step


class CrossView(nn.Module):
    """Adds KL(reference || online) of the similarities to a queue, from each view to the other.

    online: three small networks over the vector, one after the other, which training alone has. reference: the same
    encoder without them and without a gradient, with dropout of its own. The queues hold the last `size` reference
    vectors of each view, and begin with random ones, as in the official code.
    """

    def __init__(self, start: Start, *, size: int = 4096, tau: float = 0.05, reference: float = 0.04) -> None:
        super().__init__()
        self.tau, self.reference = tau, reference
        width = int(start.model.get_embedding_dimension() or 0)
        layers = [(nn.Linear(width, 10 * width), nn.ReLU(), nn.Linear(10 * width, width)) for _ in range(3)]
        self.online = nn.Sequential(*(layer for three in layers for layer in three))
        for name in ("first", "second"):
            self.register_buffer(name, normalize(torch.randn(size, width), dim=-1))

    first: Tensor
    second: Tensor

    def loss(self, step: Step) -> Tensor:
        with torch.no_grad():
            own = [normalize(step.encode(text), dim=-1) for text in step.texts[:2]]
            queues = [torch.cat((q, step.ranks.all_gather(x))) for q, x in zip((self.first, self.second), own)]
        seen = [normalize(self.online(x), dim=-1) for x in step.pooled[:2]]
        value = seen[0].new_zeros(())
        for queue, reference, online in zip(queues, own, reversed(seen), strict=True):
            wanted = (reference @ queue.T / self.reference).softmax(1)
            value = value + kl_div((online @ queue.T / self.tau).log_softmax(1), wanted, reduction="batchmean")
        self.next = queues
        return value

    def after(self, step: Step) -> None:
        for queue, more in zip((self.first, self.second), self.next, strict=True):
            queue.copy_(more[-len(queue) :])
