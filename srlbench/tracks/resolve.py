"""The resolved recipe of a track and a backbone: the track's defaults, the recipe's own values, the tuned settings."""

from __future__ import annotations

from dataclasses import replace

from srlbench.backbones import Backbone
from srlbench.recipe import Recipe, Registered, change, resolve
from srlbench.tracks.track import Track
from srlbench.variants import base


def resolved(entry: Registered, track: Track, backbone: Backbone) -> Recipe:
    """The recipe with every setting that it has on this track and backbone."""
    scopes = (track.name, f"{track.name}/{backbone.hub_id or backbone.name}")
    recipe = resolve(entry.recipe, entry.name, track.training, *scopes)
    if recipe.encoder == "backbone":
        # How a backbone is read belongs to it, trained or not; how it is pooled is the recipe's if nothing is trained.
        own = {key: value for key, value in backbone.settings.items() if recipe.trained or key != "pool"}
        recipe = change(recipe, entry.name, own)
    if recipe.trained:
        whole = track.settings.get(backbone.name, {})
        # A recipe that reads a prompt is pooled as it says, for its prompt has a place for that.
        recipe = change(recipe, entry.name, {k: v for k, v in whole.items() if k != "pool" or recipe.pool != "mask"})
        recipe = change(recipe, entry.name, track.chosen.get(backbone.name, {}).get(base(entry.name), {}))
    recipe = change(recipe, entry.name, entry.changes)
    if recipe.trained and recipe.steps is None:
        lines = int(track.text[recipe.data]["lines"])
        recipe = replace(recipe, steps=max(1, int(lines / (recipe.batch_size or 1) * (recipe.epochs or 1))))
    recipe.check(entry.name)
    return recipe


def applies(entry: Registered, backbone: Backbone) -> bool:
    """Whether a recipe is for this backbone: static embeddings have no layers, and some prompts are for decoders."""
    needs = entry.recipe.needs
    return needs == "nothing" or (backbone.layered if needs == "layers" else backbone.decoder)
