"""The recipes, one file per family; to add a recipe, add a file here and nothing else."""
