"""Language models that predict the next word, as sentence encoders."""

from srlbench.recipe import Loss, Recipe, recipe


@recipe(cite="jiang2023prompteol")
def prompteol() -> Recipe:
    """The last state of a prompt that asks for the sentence in one word; nothing is trained."""
    return Recipe(pool="last", prompt='This sentence : "{text}" means in one word:"', needs="decoder")


@recipe(cite="muennighoff2022sgpt")
def untrained_weighted_mean() -> Recipe:
    """The mean of all states, each weighted by its position; nothing is trained."""
    return Recipe(pool="weighted-mean", needs="decoder")


@recipe(cite="behnamghader2024llm2vec", version_of="simcse-unsup")
def simcse_bidirectional() -> Recipe:
    """Unsupervised SimCSE on a decoder whose words see each other in both directions, the last step of LLM2Vec."""
    return Recipe(
        data="twins", loss=Loss("info_nce", temperature=0.05), pool="mean", attention="bidirectional", needs="decoder"
    )
