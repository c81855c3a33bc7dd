#!/bin/sh
# Write requirements/*.txt again from pyproject.toml and requirements/*.in, with hashes, for every
# Python from 3.11 and every platform. Add --upgrade to move to newer versions.
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
compile() {
    out=$1
    shift
    "$uv" pip compile --quiet --no-config --universal --python-version 3.11 --generate-hashes \
        --custom-compile-command "make lock" --output-file "requirements/$out" "$@"
}
compile run.txt pyproject.toml requirements/run.in "$@"
compile dev.txt pyproject.toml requirements/run.in requirements/dev.in --constraint requirements/run.txt "$@"
compile bootstrap.txt requirements/bootstrap.in --constraint requirements/run.txt "$@"
