"""Tracks: the frozen rules of a competition, one TOML file each, over a protocol that says how encoders are scored."""

from srlbench.tracks.track import CHOSEN, FOLDER, Track, load, names, read

__all__ = ["CHOSEN", "FOLDER", "Track", "load", "names", "read"]
