# Two commands matter: `make demo` and `make test`. Both set up .venv by themselves and can be run again.
# Without make (Windows): the README lists the same steps as plain commands.

PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt

.PHONY: demo test test-fast golden translations lint docs bench soak clean

demo: .venv/train.stamp
	$(BIN)/python recipes/demo.py demo

# Two processes of one thread each: files of tests side by side use two cores better than two threads inside each test.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile

# The share of the package's lines and branches that ran, commands in processes of their own not counted, comes last.
test: .venv/dev.stamp lint
	$(PYTEST) --cov --cov-report=
	@echo "coverage, branches included: $$($(BIN)/coverage report --format=total) % (by file: $(BIN)/coverage report)"

test-fast: .venv/dev.stamp
	$(PYTEST) -m "not slow" --durations=5

# After a change that is meant: writes anew what the commands write, for `git diff` to show.
golden: .venv/dev.stamp
	OMP_NUM_THREADS=1 $(BIN)/python tests/golden/update.py

# After a change to a sentence of the report: brings its catalogues up to date and compiles them.
translations: .venv/dev.stamp
	PYTHONPATH=tests $(BIN)/python -m support.translations

lint: .venv/dev.stamp
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	@if command -v npm >/dev/null; then npm ci --silent && npm run --silent check; \
	else echo "no npm here: the types of the page's modules are not checked"; fi

# The site, in site/: open site/index.html. Any broken link or unresolved name stops it.
docs: .venv/dev.stamp
	$(BIN)/mkdocs build --strict

bench: .venv/dev.stamp
	$(BIN)/python -m benchmarks

# Hours: kills, full disks, mutated files, … each many times. Writes the table of docs/reliability.md.
soak: .venv/dev.stamp
	$(BIN)/python -m soak

clean:
	rm -rf .venv node_modules demo build dist site .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis

.venv/created.stamp:
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	touch $@

.venv/train.stamp: .venv/created.stamp pyproject.toml constraints.txt
	$(INSTALL) -e ".[train]"
	touch $@

# labelImg is the reference that our XML is compared with; its own dependency PyQt5 is not needed for that.
.venv/dev.stamp: .venv/created.stamp pyproject.toml constraints.txt
	$(INSTALL) -e ".[train,tensorflow,dev,docs]"
	$(INSTALL) --no-deps labelImg==1.8.6
	touch $@
