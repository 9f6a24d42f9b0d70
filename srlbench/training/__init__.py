"""From a resolved recipe to an encoder."""

# Part of every fingerprint. Raise it when the same recipe and seed train to other weights than before;
# tests/training/test_canary.py fails when they do and it was not raised.
TRAINING_VERSION = 1

# Rises when an encoder gives other vectors from the same weights: pooling, whitening, random words.
ENCODER_VERSION = 1
