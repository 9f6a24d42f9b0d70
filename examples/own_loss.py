"""A loss of your own, trained under two seeds and compared with SimCSE. Run it: `python examples/own_loss.py`.

It takes about a minute on two cores. The loss is part of the result: change it, and its runs are made again; change
anything else here, and what is recorded stays.
"""

import sys

import srlbench as sb


def distance(a, b, *, temperature=0.05):
    """InfoNCE with distances in place of cosines: row i of `b` is the twin of row i of `a`."""
    import torch

    gaps = torch.cdist(torch.nn.functional.normalize(a), torch.nn.functional.normalize(b))
    return torch.nn.functional.cross_entropy(-gaps / temperature, torch.arange(len(a), device=a.device))


@sb.recipe()
def by_distance() -> sb.Recipe:
    """Twins attract, all others repel, by their distance."""
    return sb.Recipe(data="twins", loss=sb.Loss(distance, temperature=0.1))


track = sys.argv[1] if len(sys.argv) > 1 else "embedded"
results = sb.run(by_distance, "simcse-unsup", track=track, seeds=range(2), results="own-loss")
print(results)
for comparison in sb.compare(results, "by-distance", "simcse-unsup").comparisons:
    low, high = comparison.interval
    print(f"{comparison.name}: {comparison.difference.value:+.2f} points, between {low:+.2f} and {high:+.2f}")
