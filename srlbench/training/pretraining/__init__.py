"""New backbones: masked language models and static word vectors, from text."""
