"""Every loss once more, as loops over scalars: slow, obvious, and the judge of the fast ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Loss = Callable[..., Tensor]
Rows = Sequence[Tensor]


def dot(x: Tensor, y: Tensor) -> Tensor:
    return (x * y).sum()


def units(rows: Tensor) -> list[Tensor]:
    return [row / dot(row, row).sqrt() for row in rows]


def cos(x: Tensor, y: Tensor) -> Tensor:
    return dot(x, y) / (dot(x, x).sqrt() * dot(y, y).sqrt())


def squared(x: Tensor, y: Tensor) -> Tensor:
    return dot(x - y, x - y)


def distance(x: Tensor, y: Tensor) -> Tensor:
    """Of unit vectors; without a gradient where there is none."""
    return squared(x, y).sqrt() if squared(x, y).item() > 0 else squared(x, y)


def angle(x: Tensor, y: Tensor) -> Tensor:
    """Of unit vectors, by the half chord: exact at both ends, where acos is not."""
    if dot(x, y).item() >= 0:
        return 2 * (distance(x, y) / 2).asin()
    return math.pi - 2 * (distance(x, -y) / 2).asin()


def mean(terms: Rows) -> Tensor:
    return torch.stack(list(terms)).mean()


def total(terms: Rows) -> Tensor:
    return torch.stack(list(terms)).sum()


def nothing(a: Tensor, b: Tensor) -> Tensor:
    return (a.sum() + b.sum()) * 0


def others(n: int, i: int) -> list[int]:
    return [j for j in range(n) if j != i]


def info_nce(
    a: Tensor, b: Tensor, *negatives: Tensor, temperature: float = 0.05, negative_weight: float = 0.0
) -> Tensor:
    total = torch.zeros((), dtype=a.dtype)
    for i in range(len(a)):
        denominator = torch.zeros((), dtype=a.dtype)
        for candidates in (b, *negatives):
            for j in range(len(candidates)):
                alpha = math.exp(negative_weight) if i == j and candidates is not b else 1.0
                denominator = denominator + alpha * (cos(a[i], candidates[j]) / temperature).exp()
        total = total - (cos(a[i], b[i]) / temperature - denominator.log())
    return total / len(a)


def in_batch_tension(a: Tensor, b: Tensor, *, scale: float = 20.0) -> Tensor:
    return (info_nce(a, b, temperature=1 / scale) + info_nce(b, a, temperature=1 / scale)) / 2


def info_nce_bank(a: Tensor, b: Tensor, *, bank: Tensor, temperature: float = 0.05) -> Tensor:
    terms = []
    for i in range(len(a)):
        others = [(cos(a[i], row) / temperature).exp() for row in (*b, *bank)]
        terms.append(total(others).log() - cos(a[i], b[i]) / temperature)
    return mean(terms)


def taught_ranking(
    a: Tensor, b: Tensor, *, teacher: Tensor, temperature: float, tau: float, consistency: float, ranking: float
) -> Tensor:
    n, terms = len(a), []
    p, q = ([softmax([cos(x[i], y[j]) / temperature for j in range(n)]) for i in range(n)] for x, y in ((a, b), (b, a)))
    for i in range(n):
        for j in range(n):
            middle = (p[i][j] + q[i][j]) / 2
            terms.append(consistency / 2 * (p[i][j] * (p[i][j] / middle).log() + q[i][j] * (q[i][j] / middle).log()))
        wanted = softmax([cos(teacher[i], teacher[j]) / tau for j in range(n) if j != i])
        given = softmax([cos(a[i], b[j]) / temperature for j in range(n) if j != i])
        terms += [-ranking * w * g.log() for w, g in zip(wanted, given)]
    return info_nce(a, b, temperature=temperature) + total(terms) / n


def softmax(values: Rows) -> list[Tensor]:
    exponentials = [value.exp() for value in values]
    return [each / total(exponentials) for each in exponentials]


def arccon(a: Tensor, b: Tensor, *, temperature: float = 0.05, degrees: float = 10.0) -> Tensor:
    n, u, v = len(a), units(a), units(b)
    terms = []
    for i in range(n):
        positive = ((angle(u[i], v[i]) + math.pi * degrees / 180).cos() / temperature).exp()
        negatives = [(dot(u[i], v[j]) / temperature).exp() for j in others(n, i)]
        terms.append(-(positive / total([positive, *negatives])).log())
    return mean(terms)


def triplet(a: Tensor, b: Tensor, measure: Callable[[Tensor, Tensor], Tensor], margin: float) -> Tensor:
    """Hinge on a measure that is small where two vectors are alike."""
    n, u, v = len(a), units(a), units(b)
    terms = [nothing(a, b)]
    for i in range(n):
        negatives = [measure(u[i], v[j]) for j in others(n, i)]
        if negatives:
            hinge = measure(u[i], v[i]) - min(negatives, key=Tensor.item) + margin
            terms.append(hinge if hinge.item() > 0 else 0 * hinge)
    return total(terms) / n


def mpt(a: Tensor, b: Tensor, *, margin: float = 0.23) -> Tensor:
    return triplet(a, b, lambda x, y: -dot(x, y), margin)


def met(a: Tensor, b: Tensor, *, margin: float = 0.45) -> Tensor:
    return triplet(a, b, distance, margin)


def mat(a: Tensor, b: Tensor, *, margin: float = 0.15 * math.pi) -> Tensor:
    return triplet(a, b, angle, margin)


def dcl(a: Tensor, b: Tensor, *, temperature: float = 0.1) -> Tensor:
    n = len(a)
    terms = [nothing(a, b)]
    for i in range(n):
        negatives = [(cos(a[i], b[j]) / temperature).exp() for j in others(n, i)]
        if negatives:
            terms.append(total(negatives).log() - cos(a[i], b[i]) / temperature)
    return total(terms) / n


def mixcse(a: Tensor, b: Tensor, *, temperature: float = 0.05, mix: float = 0.2) -> Tensor:
    n, u, v = len(a), units(a), units(b)
    terms = []
    for i in range(n):
        candidates = [v[i], *(v[j] for j in others(n, i))]
        if n > 1:
            hardest = max(candidates[1:], key=lambda y: dot(u[i], y).item())
            mixed = (mix * v[i] + (1 - mix) * hardest).detach()
            candidates.append(mixed / dot(mixed, mixed).sqrt())
        numerators = [(dot(u[i], y) / temperature).exp() for y in candidates]
        terms.append(-(numerators[0] / total(numerators)).log())
    return mean(terms)


def align_uniform(a: Tensor, b: Tensor, *, weight: float = 1.0, t: float = 2.0) -> Tensor:
    n = len(a)
    align = torch.stack([2 - 2 * cos(a[i], b[i]) for i in range(n)]).mean()
    if n == 1:
        return align

    def uniform(x: Tensor) -> Tensor:
        pairs = [(-t * (2 - 2 * cos(x[i], x[j]))).exp() for i in range(n) for j in range(i)]
        return torch.stack(pairs).mean().log()

    return align + weight * (uniform(a) + uniform(b)) / 2


def nearest(x: Tensor, negatives: Rows) -> Tensor:
    """The distance that separation speaks of, to the nearest of what does not move."""
    return min(((squared(x, y.detach()) + 1e-4).sqrt() for y in negatives), key=Tensor.item)


def mhs(a: Tensor, b: Tensor, *, weight: float = 1.0) -> Tensor:
    n, u, v = len(a), units(a), units(b)
    terms = []
    for i in range(n):
        terms.append(squared(u[i], v[i]))
        if n > 1:
            terms.append(-weight * nearest(u[i], [v[j] for j in others(n, i)]))
            terms.append(-weight * nearest(v[i], [u[j] for j in others(n, i)]))
    return total(terms) / n


def vicreg(
    a: Tensor,
    b: Tensor,
    *,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
    gamma: float = 1.0,
    eps: float = 1e-4,
) -> Tensor:
    n, width = a.shape
    terms = [invariance * (a[i, d] - b[i, d]) ** 2 / (n * width) for i in range(n) for d in range(width)]
    for x in (a, b):
        means = [mean([x[i, d] for i in range(n)]) for d in range(width)]
        for d in range(width):
            for e in range(width):
                products = [(x[i, d] - means[d]) * (x[i, e] - means[e]) for i in range(n)]
                c = total(products) / (n - 1) if n > 1 else 0 * total(products)
                if d != e:
                    terms.append(covariance * c**2 / width)
                elif ((c + eps) ** 0.5).item() < gamma:
                    terms.append(variance * (gamma - (c + eps) ** 0.5) / width)
    return total(terms)


def vicreg_uncentred(a: Tensor, b: Tensor, *, weight: float = 30.0) -> Tensor:
    n, width = a.shape
    u, v = units(a), units(b)
    terms = [squared(u[i], v[i]) / n for i in range(n)]
    for x in (u, v):
        for d in range(width):
            for e in range(width):
                terms.append(weight / 2 * mean([row[d] * row[e] for row in x]) ** 2)
    return total(terms)


def barlow_twins(a: Tensor, b: Tensor, *, weight: float = 0.0051, eps: float = 1e-5) -> Tensor:
    n, width = a.shape
    total = torch.zeros((), dtype=a.dtype)

    def z(x: Tensor, d: int) -> list[Tensor]:
        mean = sum(x[i, d] for i in range(n)) / n
        variance = sum((x[i, d] - mean) ** 2 for i in range(n)) / n
        return [(x[i, d] - mean) / (variance + eps) ** 0.5 for i in range(n)]

    for d in range(width):
        for e in range(width):
            c = sum(p * q for p, q in zip(z(a, d), z(b, e), strict=True)) / n
            total = total + ((1 - c) ** 2 if d == e else weight * c**2)
    return total


def barlow_twins_normalised(a: Tensor, b: Tensor, *, weight: float = 30.0) -> Tensor:
    n, width = a.shape
    u, v = units(a), units(b)
    terms = []
    for d in range(width):
        for e in range(width):
            c = mean([u[i][d] * v[i][e] for i in range(n)])
            terms.append((1 - c) ** 2 if d == e else weight * c**2)
    return total(terms)


def paradigm(a: Tensor, b: Tensor, *, margin: float = 0.30, temperature: float = 0.05, ratio: float = 1.0) -> Tensor:
    n, u, v = len(a), units(a), units(b)
    loss = nothing(a, b)
    for x, y in ((u, v), (v, u)):
        moving = []
        for i in range(n):
            cosines = {j: dot(x[i], y[j]).item() for j in range(n)}
            if n > 1 and cosines[i] - max(cosines[j] for j in others(n, i)) < margin:
                moving.append(i)
        for i in moving:
            weights = {j: math.exp(dot(x[i], y[j]).item() / temperature) for j in others(n, i)}
            for j in weights:
                w = weights[j] / sum(weights.values())
                loss = loss + w * (dot(x[i], y[j].detach()) - ratio * dot(x[i], y[i])) / (n * len(moving))
    return loss


def dissipated(rows: Tensor, margin: float | None) -> list[Tensor]:
    """Unit vectors, held still where no other of the view is within the margin."""
    x = units(rows)
    out = []
    for i in range(len(x)):
        apart = min((1 - dot(x[i], x[j]).item() for j in others(len(x), i)), default=math.inf)
        # Plus nothing of itself: a held one stays in the graph.
        out.append(x[i] if margin is None or apart < margin else x[i].detach() + 0 * x[i])
    return out


def modified_align_uniform(
    a: Tensor,
    b: Tensor,
    *,
    weight: float = 1.0,
    margin: float | None = 0.30,
    temperature: float | None = 0.05,
    ratio: float | None = 1.75,
) -> Tensor:
    n, u, v = len(a), dissipated(a, margin), dissipated(b, margin)
    t = temperature or 1.0
    if ratio is None or n == 1:
        terms = [squared(u[i], v[i]) / n for i in range(n)]
    else:
        terms = []
        for x in (u, v):
            pairs = sum(math.exp(dot(x[i], x[j]).item() / t) for i in range(n) for j in range(i))
            for i in range(n):
                own = sum(math.exp(dot(x[i], x[j]).item() / t) for j in others(n, i))
                terms.append(ratio / 2 * own / pairs / t * squared(u[i], v[i]))
    for x in (u, v) if n > 1 else ():
        exponentials = [(dot(x[i], x[j]) / t).exp() for i in range(n) for j in range(i)]
        terms.append(weight * total(exponentials).log())
    return total(terms)


def modified_mhs(
    a: Tensor, b: Tensor, *, weight: float = 1.0, margin: float | None = 0.30, ratio: float | None = 1.75
) -> Tensor:
    n, u, v = len(a), dissipated(a, margin), dissipated(b, margin)
    terms = []
    for i in range(n):
        if n == 1:
            return squared(u[i], v[i])
        apart = [nearest(u[i], [v[j] for j in others(n, i)]), nearest(v[i], [u[j] for j in others(n, i)])]
        pull = 1.0 if ratio is None else ratio * (1 / apart[0].item() + 1 / apart[1].item()) / 2
        terms += [pull * squared(u[i], v[i]), -weight * apart[0], -weight * apart[1]]
    return total(terms) / n


def softmax_of_pairs(x: Rows, temperature: float | None) -> dict[tuple[int, int], float]:
    """w_ij of all i != j; without a temperature the weights of second moments."""
    n = len(x)
    pairs = [(i, j) for i in range(n) for j in others(n, i)]
    if temperature is None:
        return {(i, j): 2 * dot(x[i], x[j]).item() / n**2 for i, j in pairs}
    exponentials = {(i, j): math.exp(dot(x[i], x[j]).item() / temperature) for i, j in pairs}
    return {pair: e / sum(exponentials.values()) for pair, e in exponentials.items()}


def pushed_and_pulled(
    u: Rows, v: Rows, w: dict[tuple[int, int], float], weight: float, ratio: float | None
) -> list[Tensor]:
    push = [weight * w[i, j] * dot(u[i], u[j].detach()) for i, j in w]
    return push if ratio is None else push + [-weight * ratio * w[i, j] * dot(u[i], v[i]) for i, j in w]


def modified_vicreg(
    a: Tensor,
    b: Tensor,
    *,
    weight: float = 1.0,
    margin: float | None = 0.30,
    temperature: float | None = 0.05,
    ratio: float | None = 1.5,
) -> Tensor:
    n, u, v = len(a), dissipated(a, margin), dissipated(b, margin)
    terms = [squared(u[i], v[i]) / n for i in range(n)] if ratio is None or n == 1 else []
    terms += pushed_and_pulled(u, v, softmax_of_pairs(u, temperature), weight, ratio)
    terms += pushed_and_pulled(v, u, softmax_of_pairs(v, temperature), weight, ratio)
    return total(terms)


def modified_barlow_twins(
    a: Tensor,
    b: Tensor,
    *,
    weight: float = 1.0,
    margin: float | None = 0.30,
    temperature: float | None = 0.05,
    ratio: float | None = 1.5,
) -> Tensor:
    n, u, v = len(a), dissipated(a, margin), dissipated(b, margin)
    terms: list[Tensor] = []
    if ratio is None or n == 1:
        for d in range(a.shape[-1]):
            c = mean([u[i][d] * v[i][d] for i in range(n)])
            terms += [(1 - c) ** 2, -weight * c**2]
    terms += pushed_and_pulled(u, v, softmax_of_pairs(v, temperature), weight, ratio)
    terms += pushed_and_pulled(v, u, softmax_of_pairs(u, temperature), weight, ratio)
    return total(terms)


def nt_xent(a: Tensor, b: Tensor, *, temperature: float = 0.1) -> Tensor:
    n, z = len(a), [*a, *b]
    terms = []
    for i, anchor in enumerate(z):
        logits = [cos(anchor, other) / temperature for k, other in enumerate(z) if k != i]
        terms.append(torch.stack(logits).logsumexp(0) - cos(anchor, z[(i + n) % (2 * n)]) / temperature)
    return mean(terms)


def focal_info_nce(a: Tensor, b: Tensor, *, temperature: float = 0.05, margin: float = 0.3) -> Tensor:
    terms = []
    for i in range(len(a)):
        s = [cos(a[i], b[j]) for j in range(len(b))]
        logits = [s[j] ** 2 / temperature if i == j else s[j] * (s[j] + margin) / temperature for j in range(len(b))]
        terms.append(torch.stack(logits).logsumexp(0) - logits[i])
    return mean(terms)


def debiased_info_nce(a: Tensor, b: Tensor, *, temperature: float = 0.05, prior: float = 0.01) -> Tensor:
    n, terms = len(a), []
    for i in range(n):
        e = [(cos(a[i], b[j]) / temperature).exp() for j in range(n)]
        if n == 1:
            terms.append(nothing(a, b))
            continue
        g = (sum(e[j] for j in others(n, i)) / (n - 1) - prior * e[i]) / (1 - prior)
        g = g if g.item() > math.exp(-1 / temperature) else torch.tensor(math.exp(-1 / temperature), dtype=a.dtype)
        terms.append(-(e[i] / (e[i] + (n - 1) * g)).log())
    return mean(terms)


def angular_triplet(
    a: Tensor, near: Tensor, far: Tensor, *, lengths: Tensor, margin: float = 0.1, shortest: int = 25
) -> Tensor:
    rows = [i for i in range(len(a)) if lengths[i] > shortest]
    terms = [(cos(a[i], far[i]) - cos(a[i], near[i]) + margin).clamp_min(0) for i in rows]
    return mean(terms) if terms else nothing(a, near) + far.sum() * 0


def soft_negative(a: Tensor, b: Tensor, negated: Tensor, *, nearest: float = 0.1, furthest: float = 0.3) -> Tensor:
    gaps = [cos(a[i], negated[i]) - cos(a[i], b[i]) for i in range(len(a))]
    return mean([(gap + nearest).clamp_min(0) + (-gap - furthest).clamp_min(0) for gap in gaps])


def cosent(a: Tensor, b: Tensor, negative: Tensor, *, scale: float = 20.0) -> Tensor:
    pairs = [(i, j) for i in range(len(a)) for j in range(len(a))]
    return (1 + total([(scale * (cos(a[j], negative[j]) - cos(a[i], b[i]))).exp() for i, j in pairs])).log()


def turned(x: Tensor, y: Tensor) -> Tensor:
    d = len(x) // 2
    size = (dot(x, x) * dot(y, y)).sqrt()
    parts = []
    for k in range(d):
        q = torch.complex(x[k], x[k + d]) * torch.complex(y[k], y[k + d]).conj()
        parts += [q.real / size, q.imag / size]
    return total(parts).abs()


def angle_(a: Tensor, b: Tensor, negative: Tensor, *, scale: float = 20.0) -> Tensor:
    pairs = [(i, j) for i in range(len(a)) for j in range(len(a))]
    return (1 + total([(scale * (turned(a[i], b[i]) - turned(a[j], negative[j]))).exp() for i, j in pairs])).log()


def memory_distillation(
    a: Tensor, b: Tensor, *, teacher: Tensor, memory: Tensor, tau: float = 0.05, reference: float = 0.05
) -> Tensor:
    known, terms = [*memory, *teacher], []
    for i in range(len(a)):
        wanted = torch.stack([cos(teacher[i], q) / reference for q in known]).softmax(0)
        for x in (a[i], b[i]):
            given = torch.stack([cos(x, q) / tau for q in known])
            terms.append(total([-w * (g - given.logsumexp(0)) for w, g in zip(wanted, given)]))
    return mean(terms)


def calibrated_distillation(
    a: Tensor, b: Tensor, *, teacher: Tensor, tau: float = 0.025, reference: float = 0.0125, group: float | None = None
) -> Tensor:
    assert group is None, "a random order has no loop"
    n, terms = len(a), []
    for i in range(n):
        wanted = torch.stack([cos(teacher[i], teacher[j]) / reference for j in others(n, i)]).softmax(0)
        seen = torch.stack([cos(a[i], a[j]) / tau for j in others(n, i)])
        terms.append(total([-w * (g - seen.logsumexp(0)) for w, g in zip(wanted, seen)]))
    return mean(terms) + nothing(a, b)


def guided_info_nce(
    a: Tensor, b: Tensor, *negatives: Tensor, guide: Sequence[Tensor], temperature: float = 0.01, margin: float = 0.0
) -> Tensor:
    n, terms = len(a), []
    for i in range(n):
        limit = cos(guide[0][i], guide[1][i]) - margin
        kept = [cos(a[i], b[i])]
        for j in range(n):
            pairs = [(0, 0, a[i], a[j]), (0, 1, a[i], b[j]), (1, 1, b[i], b[j])] if j != i else []
            pairs += [(0, 2 + k, a[i], c[j]) for k, c in enumerate(negatives)]
            kept += [cos(x, y) for one, two, x, y in pairs if not cos(guide[one][i], guide[two][j]) > limit]
        terms.append(torch.stack(kept).div(temperature).logsumexp(0) - kept[0] / temperature)
    return mean(terms)


def dclr(
    a: Tensor, b: Tensor, *, teacher: Tensor, bank: Tensor, temperature: float = 0.05, threshold: float = 0.9
) -> Tensor:
    n, terms = len(a), []
    for i in range(n):
        kept = [cos(a[i], b[j]) for j in others(n, i) if cos(teacher[i], teacher[j]) < threshold]
        logits = torch.stack([cos(a[i], b[i]), *kept, *(cos(a[i], q) for q in bank)]) / temperature
        terms.append(logits.logsumexp(0) - logits[0])
    return mean(terms)


BY_NAME: dict[str, Loss] = {
    f.__name__: f
    for f in (
        info_nce, in_batch_tension, arccon, mpt, met, mat, dcl, mixcse, paradigm,
        align_uniform, mhs, vicreg, vicreg_uncentred, barlow_twins, barlow_twins_normalised,
        modified_align_uniform, modified_mhs, modified_vicreg, modified_barlow_twins,
        nt_xent, focal_info_nce, debiased_info_nce,
    )
}  # fmt: skip
