"""Pre-training of new backbones from text: masked language models and static word vectors."""
