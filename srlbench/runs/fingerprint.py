"""The fingerprint: one hash of all that a result depends on, the code included."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from srlbench import backbones, registry
from srlbench.backbones import Backbone
from srlbench.recipe import Recipe, Registered, digest
from srlbench.recipe.part import names_of
from srlbench.tracks import Track
from srlbench.tracks.resolve import applies, resolved
from srlbench.training import ENCODER_VERSION, TRAINING_VERSION


def fingerprint(entry: Registered, track: Track, backbone: Backbone) -> str:
    """Hash of the resolved recipe, its loss's source, the data, the backbone, the protocol, the training version."""
    recipe = resolved(entry, track, backbone)
    registry.teachers(entry)  # refuses a circle
    return digest(
        {
            "recipe": recipe.as_dict(),
            "loss": hashlib.sha256(recipe.loss.source()).hexdigest() if recipe.loss else None,
            "data": track.data_hashes,
            "backbone": backbone.sha256,
            "protocol": track.protocol_hash,
            "encoder": ENCODER_VERSION,
            "training": TRAINING_VERSION if recipe.trained else None,
            **_sources(recipe, track, backbone),
        }
    )


def _sources(recipe: Recipe, track: Track, backbone: Backbone) -> dict[str, list[str]]:
    """The hashes of the parts beside the loss, if there are any, and of the teachers among them."""
    found = [hashlib.sha256(part.source()).hexdigest() for part in recipe.parts[1 if recipe.loss else 0 :]]
    teachers = [each for part in recipe.companions for each in _teachers(part.arguments, track, backbone)]
    return {"parts": [*found, *teachers]} if found else {}


def _teachers(arguments: Mapping[str, Any], track: Track, backbone: Backbone) -> list[str]:
    """What each teacher or generator depends on: that of its recipe, or the weights of an encoder."""
    own = backbones.resolve(str(arguments["backbone"])) if arguments.get("backbone") else backbone
    recipes, *encoders = (names_of(arguments.get(key)) for key in ("recipe", "encoder", "generator"))
    return [
        *(fingerprint(registry.known(name), track, own) for name in recipes),
        *(backbones.resolve(name).sha256 for names in encoders for name in names),
    ]


def current(recipes: Iterable[Registered], track: Track, chosen: Sequence[str] = ()) -> dict[tuple[str, str], str]:
    """The present fingerprint of each recipe on each backbone; a record with another one is stale."""
    starts = [backbones.resolve(name) for name in chosen or track.backbones]
    return {(r.name, b.name): fingerprint(r, track, b) for r in recipes for b in starts if applies(r, b)}
