"""Nothing is trained: maps that are fitted on training text, and word vectors that are weighted."""

from srlbench.recipe import Post, Recipe, recipe


@recipe(cite="su2021whitening", version_of="whitening")
def whitening_64() -> Recipe:
    """Whitening of the first-last average, of which the 64 strongest directions are kept."""
    return Recipe(pool="first-last", post=(Post("whitening", dims=64),), settings={"paper": {"dims": 256}})


@recipe(cite="mu2018allbutthetop")
def all_but_the_top() -> Recipe:
    """The mean vector of words without the mean of all sentences and their strongest directions."""
    return Recipe(pool="mean", post=(Post("top_removed"),))


@recipe(cite="arora2017sif", version_of="input-words-weighted")
def sif() -> Recipe:
    """The backbone's own word vectors, weighted by a / (a + p(w)), without the sentences' strongest direction."""
    return Recipe(encoder="input-words-weighted", post=(Post("top_removed", directions=1),))


@recipe(version_of="sif")
def sif_whitening() -> Recipe:
    """The backbone's own word vectors, weighted by a / (a + p(w)), and whitened."""
    return Recipe(encoder="input-words-weighted", post=(Post("whitening"),))


@recipe(version_of="bag-random-weighted")
def marked_words() -> Recipe:
    """Word vectors without their mean, each beside a random one that marks the word, weighted by a / (a + p(w))."""
    return Recipe(encoder="marked-words-weighted")
