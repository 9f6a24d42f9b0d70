"""From an encoder to scores: the only rooms that know mteb."""
