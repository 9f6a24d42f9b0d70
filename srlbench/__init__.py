"""srlbench: a reproducible benchmark of sentence-representation learning."""

__version__ = "0.1.0"
