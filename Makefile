# Two commands matter: `make demo` and `make test`. Both set up .venv by themselves and can be run again.
# Without make (Windows): the README lists the same steps as plain commands.

# Another Python: make test PYTHON=python3.13, or beside the first: make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-fast test-oldest golden translations lint docs bench soak
.PHONY: lock audit licences sbom dist clean

demo: $(VENV)/train.stamp
	$(BIN)/python recipes/demo.py demo

# Two processes of one thread each: files of tests side by side use two cores better than two threads inside each test.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

# The share of the package's lines and branches that ran comes last, see docs/reliability.md. `make test COVERAGE=` is
# without it, and quicker.
COVERAGE := --cov --cov-report=
test: $(VENV)/dev.stamp lint
	$(PYTEST) $(COVERAGE)
	@test -z "$(COVERAGE)" || echo "coverage, branches included: $$($(BIN)/coverage report --format=total) % (by file: $(BIN)/coverage report)"

test-fast: $(VENV)/dev.stamp
	$(PYTEST) -m "not slow" --durations=5

# Everything again with the oldest version that pyproject.toml promises of each direct dependency, but PyTorch as
# constraints.txt has it: older builds come with gigabytes of CUDA. `make test-oldest KEEP=` takes its oldest, too.
KEEP ?= --keep torch
test-oldest: .venv-oldest/dev.stamp
	OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -n 2 --dist loadfile

# After a change that is meant: writes anew what the commands write, for `git diff` to show.
golden: $(VENV)/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python tests/golden/update.py

# After a change to a sentence of the report: brings its catalogues up to date and compiles them.
translations: $(VENV)/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m support.translations

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@if command -v npm >/dev/null; then npm ci --silent && npm run --silent check; \
	else echo "no npm here: the types of the page's modules are not checked"; fi

# The site, in site/: open site/index.html. Any broken link or unresolved name stops it.
docs: $(VENV)/dev.stamp
	$(BIN)/mkdocs build --strict

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks

# Hours: kills, full disks, mutated files, … each many times. Writes the table of docs/reliability.md.
soak: $(VENV)/dev.stamp
	$(BIN)/python -m soak

# The hashes that `make demo` checks, of all files for every system and Python.
lock: $(VENV)/release.stamp
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	--custom-compile-command "make lock" --override supply/without_torch.txt -c constraints.txt \
	--extra train pyproject.toml supply/build.txt -o requirements-train.lock

# Known vulnerabilities of what the lock names and of what is installed here; asks the package index for them.
audit: $(VENV)/release.stamp
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements-train.lock
	$(BIN)/pip-audit --local --skip-editable

# Writes docs/developers/licences.md; fails where copyleft is installed that the page does not explain.
licences: $(VENV)/release.stamp
	$(BIN)/python -m supply.licences

# The wheel and the source distribution, the same bytes for the same commit.
dist: $(VENV)/release.stamp
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m build

# A bill of materials (CycloneDX) of an environment that has what the lock names, PyTorch and fractura, nothing else.
sbom: $(VENV)/release.stamp
	$(MAKE) VENV=.venv-sbom .venv-sbom/train.stamp
	mkdir -p dist
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --of JSON \
	-o dist/fractura.cdx.json .venv-sbom/bin/python

clean:
	rm -rf .venv .venv-* node_modules demo build dist site .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/created.stamp:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

# PyTorch is not among the hashes: see supply/without_torch.txt. Where the tests' environment is, it is enough.
$(VENV)/train.stamp: $(VENV)/created.stamp pyproject.toml constraints.txt requirements-train.lock
	if [ -e $(VENV)/dev.stamp ]; then $(INSTALL) -e ".[train]"; else \
	$(INSTALL) --no-deps --require-hashes -r requirements-train.lock && $(INSTALL) torch && \
	$(INSTALL) --no-deps --no-build-isolation -e .; fi
	touch $@

# labelImg is the reference that our XML is compared with; its own dependency PyQt5 is not needed for that.
$(VENV)/dev.stamp: $(VENV)/created.stamp pyproject.toml constraints.txt
	$(INSTALL) -e ".[train,tensorflow,dev,docs]"
	$(INSTALL) --no-deps labelImg==1.8.6
	touch $@

$(VENV)/release.stamp: $(VENV)/dev.stamp
	$(INSTALL) -e ".[heic,word,release]"
	touch $@

.venv-oldest/dev.stamp: pyproject.toml constraints.txt supply/oldest.py
	$(PYTHON) -m venv .venv-oldest
	.venv-oldest/bin/python -m pip install --quiet --upgrade pip packaging
	.venv-oldest/bin/python -m supply.oldest $(KEEP) > .venv-oldest/constraints.txt
	.venv-oldest/bin/python -m pip install --quiet --prefer-binary -c .venv-oldest/constraints.txt \
	-e ".[train,tensorflow,dev,docs,heic,word]"
	.venv-oldest/bin/python -m pip install --quiet --no-deps labelImg==1.8.6
	touch $@
