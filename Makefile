# Every target sets up what it needs by itself: Python 3.11+, make and a network are enough.
# The environment lives in a cache outside the checkout (MATRIX3D_CACHE); COMFYUI_DIR and
# COMFYUI_PYTHON name a ComfyUI of your own. More options for a command: make test ARGS="-k splat".

PYTHON ?= python3
ARGS ?=
SETUP = $(PYTHON) scripts/bootstrap.py

.PHONY: help setup demo world doctor test quick lint types bench minis clean-cache

help: ## show this list
	@echo "make TARGET [ARGS=\"...\"]"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## make the environment and get ComfyUI, into the cache
	@$(SETUP) setup

demo: ## panorama to walkable world in a real ComfyUI (ARGS="--help" for options)
	@$(SETUP) host scripts/demo.py $(ARGS)

world: ## the same without ComfyUI: make world ARGS="PANORAMA --out DIR"
	@$(SETUP) run -m matrix3d_core.cli world $(ARGS)

doctor: ## what works on this machine and why the rest does not
	@$(SETUP) run -m matrix3d_core.cli doctor $(ARGS)

test: ## lint, types and all tests that can run here (ARGS go to pytest)
	@$(PYTHON) scripts/run_tests.py $(ARGS)

quick: ## lint, types and the tests that need neither the host nor a browser
	@$(PYTHON) scripts/run_tests.py --quick $(ARGS)

lint: ## ruff
	@$(SETUP) run -m ruff check .
	@$(SETUP) run -m ruff format --check .

types: ## mypy on the core, the nodes and the scripts
	@$(SETUP) run scripts/check_types.py

bench: ## speed of the mesh backends (ARGS go to the benchmark)
	@$(SETUP) run benchmarks/speed_mesh.py $(ARGS)

minis: ## train the small models, data included: make minis ARGS="--out minis"
	@$(SETUP) run -m matrix3d_core.cli train-minis $(ARGS)

clean-cache: ## delete the environment and the downloaded ComfyUI
	@$(SETUP) clean
