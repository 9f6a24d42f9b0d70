"""One file a recipe family; adding a recipe is adding a file here, nothing else."""
