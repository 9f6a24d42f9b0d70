"""DCLR: InfoNCE without the negatives that a teacher finds too similar, and with noise vectors that are made hard."""

import torch
from torch import Tensor, arange, eye
from torch.nn.functional import cross_entropy, normalize


def dclr(
    a: Tensor,
    b: Tensor,
    *,
    teacher: Tensor,
    bank: Tensor,
    temperature: float = 0.05,
    threshold: float = 0.9,
    ascent: int = 4,
    step: float = 1e-3,
) -> Tensor:
    """Cross-entropy of each a_i over the b_j that are no false negatives, and over noise. a, b: (n, d) -> scalar.

    w_ij = 0 if j != i and cos(t_i, t_j) >= phi else 1
    L = mean_i -log( e^{cos(a_i, b_i)/t} / ( sum_j w_ij e^{cos(a_i, b_j)/t} + sum_k e^{cos(a_i, q_k)/t} ) )

    Args:
        a, b: the two views; row i of each is a positive pair.
        teacher: the teacher's vectors t of the rows, without a gradient.
        bank: noise vectors (m, d); here they go up the gradient of L, `ascent` times by `step`, to be q.
        temperature: t.
        threshold: phi.

    Reference: Zhou, Zhang, Zhao, Wen 2022, "Debiased Contrastive Learning of Unsupervised Sentence Representations".
    The official code multiplies the logit with w, which leaves e^0 of a false negative; here none is left.

    Relations: `info_nce_bank` if no two sentences are alike to the teacher and ascent = 0.
    """
    units = normalize(teacher.to(a), dim=-1)
    false = (units @ units.T >= threshold) & ~eye(len(a), device=a.device).bool()
    own = arange(len(a), device=a.device)

    def loss(x: Tensor, y: Tensor, noise: Tensor) -> Tensor:
        x = normalize(x, dim=-1)
        real = (x @ normalize(y, dim=-1).T).masked_fill(false, float("-inf"))
        return cross_entropy(torch.cat((real, x @ normalize(noise, dim=-1).T), dim=1) / temperature, own)

    noise = bank.to(a)
    for _ in range(ascent if len(noise) else 0):
        with torch.enable_grad():
            leaf = noise.detach().requires_grad_()
            (slope,) = torch.autograd.grad(loss(a.detach(), b.detach(), leaf), leaf)
        noise = noise + step * normalize(slope, dim=-1)
    return loss(a, b, noise)
