# make tour   run the notebooks and write their pages, which start at output/index.html
#             (SOURCE=cmu DATA=<folder> for real motion; DRPOSE_FAST=1 for the smallest sizes)
# make test   the whole suite           make lab    open JupyterLab
# make docs   the documentation site    make bench  speed against baselines, in one run (with
#             DATA=<recordings> also the time to a given accuracy: half an hour)
PYTHON = python3
BIN := .venv/bin
SOURCE = $(DRPOSE_SOURCE)
DATA = $(DRPOSE_DATA)
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
CONVERT = $(BIN)/jupyter nbconvert --config notebooks/nbconvert_config.py
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: tour test lab docs bench clean

.venv/installed: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.11 ...")'
	@$(PYTHON) -m venv .venv || { echo "python3 cannot create virtual environments here: install the package python3-venv"; exit 1; }
	$(BIN)/pip install -q -r requirements.txt
	$(BIN)/pip install -q --no-deps -e .
	@touch $@

.venv/installed-docs: .venv/installed docs/requirements.txt
	$(BIN)/pip install -q -r docs/requirements.txt
	@touch $@

# Pages need no network: plotly's code is embedded, and nbconvert's links to script servers are
# switched off. The executed notebooks are kept for the documentation site.
tour: .venv/installed
	$(BIN)/python -m drpose_core prepare --source $(or $(SOURCE),synthetic) $(if $(DATA),--data "$(DATA)")
	@echo "Running the notebooks: about 13 minutes on two cores (two or three with DRPOSE_FAST=1)"
	@DRPOSE_SOURCE=$(SOURCE) DRPOSE_DATA="$(DATA)" PLOTLY_RENDERER=notebook PYDEVD_DISABLE_FILE_VALIDATION=1 \
	$(CONVERT) --to notebook --execute --output-dir output/notebooks $(NOTEBOOKS)
	@$(CONVERT) --log-level WARN --to html --output-dir output $(NOTEBOOKS:%=output/%)
	@$(BIN)/python docs/make_index.py

# The site shows the notebooks as the tour ran them; without a tour since they changed, it runs one.
docs: .venv/installed-docs
	@test -z "$$(for n in $(NOTEBOOKS); do test output/$$n -nt $$n || echo $$n; done)" || $(MAKE) tour
	$(BIN)/python docs/make_site.py

test: .venv/installed
	$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ."; exit 1; }
	$(BIN)/ruff check --quiet .
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -rs -n 2 --dist loadfile --no-loadscope-reorder

lab: .venv/installed
	$(BIN)/jupyter lab notebooks

bench: .venv/installed
	$(BIN)/python benchmarks/scoring.py
	@echo; $(BIN)/python benchmarks/sampling.py
	@echo; $(BIN)/python benchmarks/training.py
	@echo; $(BIN)/python benchmarks/film_speed.py
	@echo; $(BIN)/python benchmarks/lifters.py
	@echo; $(BIN)/python benchmarks/loading.py
	@echo; $(BIN)/python benchmarks/cost.py
	@echo; $(BIN)/python benchmarks/memory.py
	@echo; test -z "$(DATA)" || $(BIN)/python benchmarks/time_to_accuracy.py --data "$(DATA)"

clean:
	rm -rf .venv output
