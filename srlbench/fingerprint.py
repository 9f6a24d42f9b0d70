"""What a result depends on, as one hash: code is part of the result."""

from __future__ import annotations

import hashlib
from dataclasses import replace

from srlbench.backbones import Backbone
from srlbench.recipe import Recipe, Registered, change, digest, resolve
from srlbench.tracks import Track
from srlbench.training import ENCODER_VERSION, TRAINING_VERSION
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


def fingerprint(entry: Registered, track: Track, backbone: Backbone) -> str:
    """Hash of the resolved recipe, its loss's source, the data, the backbone, the protocol, the training version."""
    recipe = resolved(entry, track, backbone)
    return digest(
        {
            "recipe": recipe.as_dict(),
            "loss": hashlib.sha256(recipe.loss.source()).hexdigest() if recipe.loss else None,
            "data": track.data_hashes,
            "backbone": backbone.sha256,
            "protocol": track.protocol_hash,
            "encoder": ENCODER_VERSION,
            "training": TRAINING_VERSION if recipe.trained else None,
        }
    )
