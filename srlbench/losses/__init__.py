"""One file a loss: a pure function of embeddings, named as its file."""
