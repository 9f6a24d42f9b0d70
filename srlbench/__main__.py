"""`python -m srlbench` is `srlbench`."""

from srlbench.cli import main

main()
