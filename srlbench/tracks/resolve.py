"""A recipe as a track runs it on a backbone: the track's defaults, the recipe's own values, what was tuned."""

from __future__ import annotations

from dataclasses import replace

from srlbench.backbones import Backbone
from srlbench.recipe import Recipe, Registered, change, resolve
from srlbench.tracks.track import Track
from srlbench.variants import base


def resolved(entry: Registered, track: Track, backbone: Backbone) -> Recipe:
    """The recipe as this track and backbone run it."""
    places = (track.name, f"{track.name}/{backbone.hub_id or backbone.name}")
    made = resolve(entry.recipe, entry.name, track.training, *places)
    if made.trained:
        made = change(made, entry.name, track.settings.get(backbone.name, {}))
        made = change(made, entry.name, track.chosen.get(backbone.name, {}).get(base(entry.name), {}))
    made = change(made, entry.name, entry.changes)
    if made.trained and made.steps is None:
        lines = int(track.text[made.data]["lines"])
        made = replace(made, steps=max(1, int(lines / (made.batch_size or 1) * (made.epochs or 1))))
    made.check(entry.name)
    return made


def applies(entry: Registered, backbone: Backbone) -> bool:
    """Whether a recipe means anything on this backbone: static embeddings have no layers to choose from or to prune."""
    return backbone.layered or entry.recipe.needs != "layers"
