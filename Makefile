# `make demo` and `make test` need Python 3.11 or newer and make, nothing else: they set up $(VENV) themselves.
# PYTHON= picks the interpreter for a new environment, TESTS= and ARGS= go to pytest, DEMO_PATH= to the demo.

VENV      ?= .venv
PYTHON    ?= $(shell for p in python3.13 python3.12 python3.11 python3; do \
               $$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
DEMO_PATH ?=
TESTS     ?= tests
ARGS      ?=

# The versions of everything that the tests were last seen to pass with. Users are bound by pyproject.toml alone.
VERSIONS  := tests/versions.txt

PY        := $(VENV)/bin/python
PIP       := PYTHONWARNINGS=ignore $(PY) -m pip --disable-pip-version-check --no-input

# mypy sees the installed names, and its messages should name the files of the tree.
MYPY      := $(PY) -m mypy
TREE      := > $(VENV)/.mypy; status=$$?; \
             sed -E 's,(\.\./)*build/__editable__[^/]*/shiftboss/(batches|limiters|periodic)/,src/\2/,; s,build/__editable__[^/]*/shiftboss/,src/shiftboss/,' $(VENV)/.mypy; exit $$status

.PHONY: help install demo test check format bench docs upgrade clean always
.DEFAULT_GOAL := help

help:
	@echo 'make demo     hash the files under DEMO_PATH in a batch, on a server of its own'
	@echo 'make test     run the tests (TESTS=tests/unit ARGS="-k name", ARGS="-m stress")'
	@echo 'make check    lint, formatting, types, import rules      make format   rewrite what ruff can'
	@echo 'make docs     check links and code in the documents      make bench    run every script in benchmarks/'
	@echo 'make install  bring the environment up to date           make upgrade  take the newest releases of everything'
	@echo 'make clean    remove it and all that was built'

demo: install
	@$(VENV)/bin/shiftboss demo $(DEMO_PATH)

test: install
	@$(PY) -m pytest -n auto $(TESTS) $(ARGS)

check: install
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(MYPY) $(TREE)
	@if [ -d tests/typing ]; then $(MYPY) tests/typing $(TREE); fi
	@$(VENV)/bin/lint-imports --no-logo

format: install
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

bench: install
	@for script in benchmarks/*.py; do echo "== $$script"; $(PY) $$script || exit 1; done

docs: install
	@$(PY) -m pytest tests/docs $(ARGS)
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet
	@echo 'the site is in build/site'

upgrade: install
	@$(PIP) install --quiet --upgrade --upgrade-strategy eager --editable '.[embedded,dev]'
	@$(PIP) freeze --quiet --exclude-editable > $(VERSIONS)
	@git diff --stat $(VERSIONS)

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find src lua tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# The environment, in three steps of rising frequency: made once; dependencies when pyproject.toml changes; links when a
# file was added, removed or renamed (the installed package is a farm of links to the tree) or the tree itself has moved.

install: $(VENV)/.linked

$(PY):
	@test -n "$(PYTHON)" || { echo "shiftboss needs Python 3.11 or newer with its venv module; name one with PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "shiftboss needs Python 3.11 or newer; $(PYTHON) is not" >&2; exit 1; }
	@echo "setting up $(VENV) with $$("$(PYTHON)" --version)"
	@"$(PYTHON)" -m venv --clear $(VENV)

$(VENV)/.required: $(PY) pyproject.toml setup.cfg $(VERSIONS)
	@echo 'installing what shiftboss needs'
	@$(PY) -m pip --version >/dev/null 2>&1 || $(PY) -m ensurepip >/dev/null
	@$(PIP) install --quiet --constraint $(VERSIONS) --editable '.[embedded,dev]'
	@touch $@

$(VENV)/.files: $(VENV)/.required always
	@{ pwd; find src lua -type f ! -name '*.py[co]' ! -name '.*' | LC_ALL=C sort; } > $@.new
	@if cmp -s $@.new $@; then rm $@.new; else mv $@.new $@; fi

$(VENV)/.linked: $(VENV)/.files
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
