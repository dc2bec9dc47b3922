# One task runner. `make demo` and `make test` set up what they need on a machine with Python 3.11 or newer.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.ready
ONLINE := --disable-pip-version-check --quiet

.PHONY: setup demo check test coverage docs bench lock clean new-rule
.DEFAULT_GOAL := help

help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(STAMP): requirements/dev.txt pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(ONLINE) --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install $(ONLINE) --no-deps --no-build-isolation --editable .
	@touch $@

setup: $(STAMP) ## Make the virtual environment from the lock

demo: $(VENV)/.demo-ready ## Assess the shipped helpdesk example
	$(BIN)/keelmark assess examples/helpdesk/as-found || test $$? -eq 1  # do not release, as it should

# The demo needs the base install alone, so it is ready sooner than the test environment.
$(VENV)/.demo-ready: requirements/base.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install $(ONLINE) --require-hashes -r requirements/base.txt -r requirements/build.txt
	$(BIN)/python -m pip install $(ONLINE) --no-deps --no-build-isolation --editable .
	@touch $@

check: setup ## Lint, types, import contracts, own assessment
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/zizmor --offline --quiet .github/ action.yml
	$(BIN)/python tools/build_docs.py --check
	$(BIN)/python tools/assess_self.py

test: setup ## Run the tests
	$(BIN)/python -m pytest -n 2

coverage: setup ## Branch coverage of the whole package; fails below the floor in pyproject.toml
	$(BIN)/python -m coverage run -m pytest -q
	$(BIN)/python -m coverage report --skip-covered

docs: setup ## Regenerate the pages made from code
	$(BIN)/python tools/build_docs.py

bench: setup ## files/s, MB/s and peak memory on a generated project of 20,000 files
	$(BIN)/python tools/bench_assess.py

new-rule: setup ## Make the files of a new rule: make new-rule AREA=development SLUG=my-defect
	$(BIN)/python tools/new_rule.py $(AREA) $(SLUG)

lock: ## Lock the dependencies again (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml -o requirements/base.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements/build.in -o requirements/build.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header pyproject.toml --group dev -o requirements/dev.txt

clean: ## Remove what was made
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info
