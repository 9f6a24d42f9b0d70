"""Why an encoder scores as it does."""
