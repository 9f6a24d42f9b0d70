"""The training of an encoder from a resolved recipe."""

# Part of every fingerprint. Raise it when the same recipe and seed give other weights than before:
# tests/training/test_canary.py fails when they do and the version is the same.
TRAINING_VERSION = 1

# Raise it when the same weights give other vectors than before: pooling, whitening, random words.
ENCODER_VERSION = 1
