"""L-BFGS on many convex problems at once; each has its own step, and leaves when it is at its minimum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from srlbench.evaluation.probes.logistic import Problem, inverse

GAP = 1e-11  # allowed distance of the loss to its minimum; with penalty p, ||gradient||^2 / 2p is a bound of it
PAIRS = 8  # of steps and gradient changes in memory
PATIENCE = 60  # evaluations with a Hessian of other rows before a fit gets its own
ROUNDS = 200  # own Hessians of a fit before an error


@dataclass(frozen=True)
class Guide:
    """Approximate inverse Hessians, and the index of the one for each fit."""

    inverses: Tensor  # (guides, logits, dimensions, dimensions)
    serves: Tensor  # (fits,)

    def only(self, fits: Tensor) -> Guide:
        """The guide of some of the fits."""
        return replace(self, serves=self.serves[fits])

    def apply(self, v: Tensor) -> Tensor:
        """The inverse times v. The logits of a softmax sum to zero at the optimum, so steps sum to zero too."""
        out = torch.empty_like(v)
        for index in torch.unique(self.serves):
            fits = (self.serves == index).nonzero()[:, 0]
            out[:, :, fits] = self.inverses[index] @ v[:, :, fits]
        return out - out.mean(0) if len(out) > 1 else out


@dataclass(frozen=True)
class Pair:
    """A step and the change of the gradient along it; scale is zero for a fit that did not take the step."""

    step: Tensor
    change: Tensor
    scale: Tensor

    def only(self, fits: Tensor) -> Pair:
        """The pair of some of the fits."""
        return Pair(self.step[:, :, fits], self.change[:, :, fits], self.scale[fits])


@dataclass(frozen=True)
class State:
    """The current point of every fit, and the step that it tries next."""

    w: Tensor
    loss: Tensor
    gradient: Tensor
    step: Tensor
    pairs: tuple[Pair, ...] = ()

    def only(self, fits: Tensor) -> State:
        """The state of some of the fits."""
        w, gradient, step = (t[:, :, fits] for t in (self.w, self.gradient, self.step))
        return State(w, self.loss[fits], gradient, step, tuple(p.only(fits) for p in self.pairs))


def solve(problem: Problem, start: Tensor, guide: Guide, budget: int) -> tuple[Tensor, Tensor]:
    """The weights after at most `budget` evaluations, and which fits are at their minimum."""
    w, live = start.clone(), torch.arange(start.shape[2])
    converged = torch.zeros(len(live), dtype=torch.bool)
    loss, gradient = problem.evaluate(w)
    state = State(w.clone(), loss, gradient, -guide.apply(gradient))
    for _ in range(budget):
        done = state.gradient.square().sum((0, 1)) <= 2 * GAP * problem.penalty
        if done.any():
            w[:, :, live[done]], converged[live[done]] = state.w[:, :, done], True
            keep = (~done).nonzero()[:, 0]
            live, state, problem, guide = live[keep], state.only(keep), problem.only(keep), guide.only(keep)
        if not len(live):
            break
        state = _advance(problem, state, guide)
    w[:, :, live] = state.w
    return w, converged


def minima(problem: Problem, start: Tensor, guide: Guide) -> Tensor:
    """The weights of all fits at their minima; fits that do not converge together are solved one by one."""
    w, converged = solve(problem, start, guide, PATIENCE)
    for fit in (~converged).nonzero():
        w[:, :, fit] = _alone(problem.only(fit), w[:, :, fit])
    return w


def _alone(problem: Problem, w: Tensor) -> Tensor:
    """The weights of one fit at its minimum, guided by its own Hessian, which is renewed until it converges."""
    for _ in range(ROUNDS):
        own = Guide(inverse(problem.curvature(w, 0))[None], torch.zeros(1, dtype=torch.int64))
        w, converged = solve(problem, w, own, PATIENCE // 2)
        if converged.all():
            return w
    raise ArithmeticError("the probe did not converge: are the embeddings of a sensible size?")


def _advance(problem: Problem, state: State, guide: Guide) -> State:
    """Try the step of each fit: take it if the loss falls enough, shorten it otherwise."""
    loss, gradient = problem.evaluate(state.w + state.step)
    slope = _dot(state.gradient, state.step)
    taken = loss <= state.loss + 1e-4 * slope + 1e-14 * state.loss.abs()
    change = gradient - state.gradient
    product = _dot(state.step, change)
    scale = torch.where(taken & (product > 0), 1 / product, 0.0)
    pairs = (*state.pairs, Pair(state.step, change, scale))[-PAIRS:]
    shorter = (-slope / (2 * (loss - state.loss - slope))).clamp(0.1, 0.5)
    after = torch.where(taken, gradient, state.gradient)
    return State(
        torch.where(taken, state.w + state.step, state.w),
        torch.where(taken, loss, state.loss),
        after,
        torch.where(taken, _direction(after, pairs, guide), shorter * state.step),
        pairs,
    )


def _direction(gradient: Tensor, pairs: tuple[Pair, ...], guide: Guide) -> Tensor:
    """The next direction: the two-loop recursion of L-BFGS around the guide."""
    q, weights = gradient.clone(), []
    for pair in reversed(pairs):
        weights.append(pair.scale * _dot(pair.step, q))
        q -= weights[-1] * pair.change
    out = guide.apply(q)
    for pair, weight in zip(pairs, reversed(weights)):
        out += (weight - pair.scale * _dot(pair.change, out)) * pair.step
    return -out


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((0, 1))
