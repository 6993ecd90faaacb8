# `make demo` and `make test` need Python 3.11 or later, pip, git and make; they bring the rest.

VENV ?= .venv
PYTHON ?=
ARGS ?=
WORKERS ?= 3
# Coverage is what the tests of the layers reach; the whole program, in a browser or a story, is a third slower with it.
WHOLE := tests/browser tests/stories
LAYERS := $(WHOLE:%=--ignore=%)

BIN := $(VENV)/bin
LOCK := requirements-dev.txt
STAMP := $(VENV)/.narrows-$(shell cksum < $(LOCK) | tr ' ' '-')
PIP := $(BIN)/python -m pip --disable-pip-version-check
# Extras stay in the lock: pip takes the newest of a package whose extra is asked for, and not the one that is locked
# without it, and then finds it unlocked.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --only-binary :all: \
	--no-strip-extras --no-header --no-annotate

export PIP_ROOT_USER_ACTION := ignore
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup demo run test test-agents lint browser sandbox lock wheel bench bench-review bench-landing pictures clean

help: ## Show what can be made.
	@sed -n 's/^\([a-z-]*\):[^#]*## /make \1\t/p' $(MAKEFILE_LIST)

setup: $(STAMP) ## Make the virtual environment that everything else runs in.

demo: setup ## Start Narrows on a sample project; ARGS="--port 0 --no-browser" passes flags on.
	@$(BIN)/narrows demo $(ARGS)

run: setup ## Start Narrows for your own repositories; ARGS as above.
	@$(BIN)/narrows serve $(ARGS)

test: lint browser sandbox ## Lint, then every test, with the coverage of server/.
ifdef ARGS
	$(BIN)/pytest --numprocesses $(WORKERS) $(ARGS)
else
	$(BIN)/pytest --numprocesses $(WORKERS) -m "not alone" $(LAYERS) --cov=server --cov-report=term --cov-fail-under=90
	$(BIN)/pytest --numprocesses $(WORKERS) -m "not alone" $(WHOLE)
	$(BIN)/pytest -m alone
endif

test-agents: setup sandbox ## The real agents, pinned, against a scripted model: installs them into a cache folder first.
	$(BIN)/python -m tests.real.programs
	$(BIN)/python -m tests.real.offline $(BIN)/pytest tests/real $(ARGS)

lint: setup ## Style, types and the direction of imports.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

browser: setup ## Find Chromium for the tests, or install it.
	$(BIN)/python -m tests.support.browser

sandbox: setup ## Find bubblewrap for the tests, or install it.
	$(BIN)/python -m tests.support.bubblewrap

lock: setup ## Pin every dependency again; ARGS=--upgrade takes the newest.
	$(COMPILE) $(ARGS) --output-file requirements.txt pyproject.toml
	$(COMPILE) $(ARGS) --extra dev --constraint requirements.txt --output-file $(LOCK) pyproject.toml

wheel: setup ## Build the wheel into dist/, without the network.
	rm -rf dist
	$(BIN)/hatchling build -t wheel

bench: setup ## Measure the loop; prints ratios.
	$(BIN)/python -m tests.bench.loop $(ARGS)

bench-review: setup ## Measure the review page beside its peers (npm brings them into a cache folder); ARGS="--sizes 2000".
	$(BIN)/python -m tests.bench.review $(ARGS)

bench-landing: setup ## Measure what landing costs beside git's own commands; ARGS="--sizes 4000".
	$(BIN)/python -m tests.bench.landing $(ARGS)

pictures: setup browser ## Make docs/pictures/ anew, from a demo.
	$(BIN)/python -m tests.support.pictures $(ARGS)

clean: ## Remove whatever was made here; your data folder stays.
	rm -rf $(VENV) .make dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A suitable Python: the one named by PYTHON, else the first on PATH that is new enough.
define find_python
for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3.14 python3 python); do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	python=; \
done; \
test -n "$$python" || { echo "Narrows needs Python 3.11 or later; name yours with make PYTHON=/path/to/python." >&2; exit 1; }
endef

# Debian keeps the module that makes environments in a package of its own.
define make_venv
$$python -m venv --clear $(VENV) || { \
	package=$$($$python -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'); \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update && { apt-get install --yes $$package || apt-get install --yes python3-venv; } && \
		$$python -m venv --clear $(VENV); \
	else \
		echo "This Python can't make a virtual environment; install $$package and run make again." >&2; exit 1; \
	fi; \
}
endef

$(STAMP):
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { $(find_python); $(make_venv); }
	$(PIP) install --quiet --require-hashes --only-binary :all: --requirement $(LOCK)
	$(PIP) install --quiet --no-index --no-deps --no-build-isolation --editable .
	@rm -f $(VENV)/.narrows-*
	@touch $@
