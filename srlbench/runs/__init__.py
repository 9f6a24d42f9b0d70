"""Runs: which there are, how each is made in a process of its own, and on which machines."""
