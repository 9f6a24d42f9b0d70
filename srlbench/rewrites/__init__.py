"""One file a rewrite: a function of a text, named as its file, which gives another text before it becomes token ids."""
