"""Controls: simple encoders that a trained encoder must beat before its training means anything."""

from srlbench.recipe import Recipe, recipe

BERT, ROBERTA = "paper/google-bert/bert-base-uncased", "paper/FacebookAI/roberta-base"


@recipe()
def bag_random() -> Recipe:
    """The mean of fixed random word vectors: it measures word overlap and is the floor for every trained encoder."""
    return Recipe(encoder="random-words")


@recipe(cite="arora2017sif")
def bag_random_weighted() -> Recipe:
    """The mean of random word vectors weighted by a / (a + p(w)): it measures the overlap of informative words."""
    return Recipe(encoder="random-words-weighted")


@recipe()
def input_words() -> Recipe:
    """The mean of the backbone's own word vectors, before any of its layers."""
    return Recipe(encoder="input-words")


@recipe(cite="arora2017sif")
def input_words_weighted() -> Recipe:
    """The mean of the backbone's own word vectors, weighted by a / (a + p(w))."""
    return Recipe(encoder="input-words-weighted")


@recipe(reported={BERT: {"sts_avg": 31.40}, ROBERTA: {"sts_avg": 44.57}})
def untrained_cls() -> Recipe:
    """The backbone's own [CLS] vector, without any training."""
    return Recipe(pool="cls", needs="layers")


@recipe(reported={BERT: {"sts_avg": 52.57}, ROBERTA: {"sts_avg": 53.36}})
def untrained_mean() -> Recipe:
    """The mean of the backbone's last layer, without any training."""
    return Recipe(pool="mean", needs="layers")


@recipe(reported={BERT: {"sts_avg": 60.73}})
def untrained_first_last() -> Recipe:
    """The average of the first and the last layer, as a mean over words (the corrected form, SimCSE issue 285)."""
    return Recipe(pool="first-last", needs="layers")


@recipe(cite="su2021whitening", reported={BERT: {"sts_avg": 66.28}, ROBERTA: {"sts_avg": 61.73}})
def whitening() -> Recipe:
    """The first-last average, and a linear map that gives it zero mean and unit covariance on the training text."""
    return Recipe(pool="first-last", post="whitening")
