# make tour   run the notebooks on the embedded data, leave pages in output/   (SOURCE=cmu DATA=<folder> for real motion)
# make test   the whole suite         make lab   open JupyterLab         make bench   speed against baselines, in one run
PYTHON = python3
BIN := .venv/bin
SOURCE = $(or $(DRPOSE_SOURCE),synthetic)
DATA = $(DRPOSE_DATA)
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: tour test lab bench clean

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv || { echo "python3 cannot make virtual environments here: install the package python3-venv"; exit 1; }
	$(BIN)/pip install -q -r requirements.txt
	$(BIN)/pip install -q --no-deps -e .
	@touch $@

# Pages need no network: plotly's code is embedded, and nbconvert's links to script servers are switched off.
tour: .venv/installed
	$(BIN)/python -m drpose_core prepare --source $(SOURCE) $(if $(DATA),--data "$(DATA)")
	@echo "Running the notebooks: under 20 minutes on two cores (two or three with DRPOSE_FAST=1)"
	@DRPOSE_SOURCE=$(SOURCE) DRPOSE_DATA="$(DATA)" PLOTLY_RENDERER=notebook PYDEVD_DISABLE_FILE_VALIDATION=1 \
	$(BIN)/jupyter nbconvert --config notebooks/nbconvert.py --to html --execute --output-dir output $(NOTEBOOKS)
	@echo; echo "The pages are in output/; open them in a browser:"; for n in $(NOTEBOOKS); do echo "  output/$$(basename $$n .ipynb).html"; done
	@echo "  output/explorer$(if $(filter-out 0,$(DRPOSE_FAST)),_fast).html   the explorer itself, with sliders"

test: .venv/installed
	$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	$(BIN)/ruff check --quiet .
	$(BIN)/python -m pytest -q -rs

lab: .venv/installed
	$(BIN)/jupyter lab notebooks

bench: .venv/installed
	$(BIN)/python benchmarks/scoring.py
	@echo; $(BIN)/python benchmarks/sampling.py
	@echo; $(BIN)/python benchmarks/training.py
	@echo; $(BIN)/python benchmarks/loading.py

clean:
	rm -rf .venv output
