# make demo   environment, example company, stresses, report
# make test   lint, types, tests
# make test-slow   the long studies
# make bench  speed beside its peers, ten minutes; OUT=bench/results keeps the figures
# make wheelhouse   everything to install from, for machines without internet; EXTRAS=ray,cuda for more
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
PEERS := $(VENV)/.peers

.PHONY: demo test test-slow lint bench wheelhouse clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[test,bench,learn,calibrate,ray]'
	touch $@

demo: $(READY)
	$(BIN)/tandem demo

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# files are shared out over the cores: most of the time is tracing and compiling
test: lint
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

# peers are heavy and of no use to the tests
$(PEERS): $(READY)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[bench,peers]'
	touch $@

bench: $(PEERS)
	$(BIN)/python -m bench $(if $(OUT),--out $(OUT))

# hatchling too: the project itself is built on the other machine
EXTRAS ?= ray
wheelhouse: $(READY)
	$(BIN)/python -m pip wheel --quiet -c constraints.txt --wheel-dir wheelhouse '.[$(EXTRAS)]' 'hatchling>=1.25'

clean:
	rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache
