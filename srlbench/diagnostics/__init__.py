"""Diagnostics: measures that explain the scores of an encoder."""
