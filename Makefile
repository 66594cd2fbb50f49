# `make train` and `make test` on a fresh clone set everything up by themselves.
PYTHON ?= python3
# Another build of torch: make train TORCH="torch==2.13.0+cu130" (with pip's own options in PIP_ARGS).
TORCH ?= torch==2.13.0
PIP_ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: train test setup lint clean

train: $(READY)
	$(BIN)/curious train byol-explore --size laptop --world atari --world.game MontezumaRevenge

test: $(READY)
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not gpu and not compiled"

setup: $(READY)

# What is remembered at the end lets --help and typing errors do without torch.
# torch comes first and alone, so that no other package chooses its build.
$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet $(PIP_ARGS) "$(TORCH)"
	$(BIN)/pip install --quiet $(PIP_ARGS) -e ".[dev]"
	$(BIN)/python -m experiments.remember
	@touch $(READY)

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy

clean:
	rm -rf $(VENV)
