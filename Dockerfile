# An image in which the README's first command runs without a network, as a user without rights:
#
#   docker build -t srlbench .
#   docker run --rm --network none srlbench                                    # every recipe, seed 0
#   docker run --rm --network none srlbench run simcse-unsup --seeds 0-4       # any other verb
#   docker run --rm --network none -v "$PWD/srlbench-results:/srlbench/srlbench-results" srlbench    # keep the records
#
# The folder that is mounted must be writable for the user 1000; `--user "$(id -u)"` names another. For text and models from
# the Hub leave `--network none` out and add `-e HF_HUB_OFFLINE=0`.

# What a contributor needs: Python, git and a compiler (.devcontainer uses this stage).
FROM python:3.11.14-bookworm AS dev
RUN useradd --create-home --shell /bin/bash --uid 1000 bench
USER 1000
WORKDIR /home/bench

FROM python:3.11.14-bookworm AS build
# A further package index, for example one with builds of torch without CUDA, which are several gigabytes smaller.
ARG PIP_EXTRA_INDEX_URL
WORKDIR /source
COPY constraints.txt pyproject.toml hatch_build.py README.md LICENSE ./
COPY srlbench srlbench
COPY results results
RUN python -m venv /venv && /venv/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 1000 bench && mkdir /srlbench && chown bench /srlbench
COPY --from=build /venv /venv
# A name and a home, which `--user` may give to somebody without either: torch asks for both.
ENV PATH=/venv/bin:$PATH \
    HF_HUB_OFFLINE=1 \
    HOME=/tmp \
    USER=bench
USER 1000
WORKDIR /srlbench
ENTRYPOINT ["srlbench"]
CMD ["run", "--all", "--seeds", "0"]
