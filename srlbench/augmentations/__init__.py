"""One file an augmentation: a function of token ids and a random generator, named as its file.

It takes a `Text`, the `Vocabulary` and a generator, and returns another `Text`; the rows are sentences. Each draw is
from the generator, so that a resumed training sees the same views.
"""
