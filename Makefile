# Everything runs from .venv, which `setup` makes on a machine that has Python 3.11+ and make alone.
SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(VENV)/.packages-done
PROJECT := $(VENV)/.project-done
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input
FOR ?=
PYTEST_ARGS ?=
# Each worker has servers of its own: about 1 GB.
PYTEST_WORKERS ?= --numprocesses=auto --maxprocesses=4 --dist=worksteal

.PHONY: help
help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | sort | \
		awk -F '\t' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(PROJECT) ## .venv with everything pinned, and the command `accord` in it

# Stamps newer than the lock and the manifest mean that nothing is left to do.
$(BIN)/python:
	@python=$$(sh deploy/find-python.sh) || exit 1; \
	echo "setup: $$($$python --version) -> $(VENV)" >&2; \
	$$python -m venv --clear $(VENV)

$(PACKAGES): requirements.lock | $(BIN)/python
	@echo "setup: installing the pinned packages (about a minute the first time)" >&2
	@$(PIP) --require-hashes -r requirements.lock
	@touch $@

$(PROJECT): pyproject.toml $(PACKAGES)
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

.PHONY: lock
lock: COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-header --quiet
lock: ## renew the locks (needs uv on the path); those in deploy/ are the image's, with the same pins
	$(COMPILE) --extra local --extra dev --upgrade -o requirements.lock pyproject.toml
	$(COMPILE) --no-annotate -c requirements.lock -o deploy/requirements.lock pyproject.toml
	printf '%s\n' hatchling 'mypy[mypyc]' asyncpg-stubs types-PyYAML | \
		$(COMPILE) --no-annotate -c requirements.lock -o deploy/requirements-build.lock -

.PHONY: lint
lint: setup ## style and mistakes (ruff)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: setup ## lay the code out as lint wants it
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: types
types: setup ## types (mypy --strict)
	$(BIN)/mypy

.PHONY: imports
imports: setup ## who may import whom
	$(BIN)/lint-imports --no-logo

.PHONY: test
test: setup ## the whole test suite, on a real Kafka and a real PostgreSQL
	$(BIN)/python -m pytest $(PYTEST_WORKERS) $(PYTEST_ARGS)

.PHONY: check
check: lint types imports test ## what CI runs

.PHONY: demo
demo: setup ## a month of history, then live traffic; FOR=60s ends it then
	@exec $(BIN)/accord demo $(if $(FOR),--for $(FOR))

COMPILED_TREE := .accord/compiled

.PHONY: compile
compile: setup ## the hot modules as machine code in .accord/compiled (optional; needs a C compiler)
	@sh deploy/compile.sh "$(CURDIR)/$(BIN)/python" $(COMPILED_TREE)

.PHONY: image
image: ## the image, by docker, podman or buildah; BASE=debian makes its base here (IMAGE=, COMPILED=no)
	@BASE="$(BASE)" COMPILED="$(or $(COMPILED),yes)" sh deploy/image.sh $(or $(IMAGE),accord:local)

.PHONY: dashboards
dashboards: setup ## write Grafana's dashboards anew from deploy/dashboards (docs/grafana.md)
	@$(BIN)/python -m deploy.dashboards

.PHONY: image-test
image-test: setup image ## build the image, then run its processes unprivileged on a read-only root (root, buildah)
	$(BIN)/python -m pytest tests/deploy/test_built_image.py --image $(or $(IMAGE),accord:local)

.PHONY: bench
bench: compile ## the benchmarks, one JSON object a line
	@$(BIN)/python -m benchmarks

.PHONY: fuzz
fuzz: setup ## schemathesis with all checks on the running api; SECONDS=600
	@$(BIN)/python -m tests.api.fuzz --seconds $(or $(SECONDS),600)

.PHONY: oracle
oracle: setup ## the core against the independent oracle; SEEDS=n
	@$(BIN)/python -m tests.oracle.differences --seeds $(or $(SEEDS),200)

.PHONY: mutation
mutation: setup ## change calendar, clock and window in small ways; do tests notice? (docs/mutation.md)
	nice -n 10 $(BIN)/mutmut run --max-children 2
	@$(BIN)/mutmut results --all true | awk -F': *' '\
		{ split($$1, name, "."); all[name[3]]++; if ($$2 ~ /killed|timeout/) seen[name[3]]++ } \
		END { for (m in all) printf "%s: %d of %d mutants noticed, %.1f %%\n", \
			m, seen[m], all[m], 100 * seen[m] / all[m] }'

.PHONY: verify
verify: setup ## what `make demo` left behind (or six simulated days) against `evaluate`
	@exec $(BIN)/accord verify --start

.PHONY: chaos
chaos: setup ## faults of every kind on real processes, then compare everything; SEEDS=n
	@$(BIN)/python -m tests.e2e.chaos --seeds $(or $(SEEDS),3)

.PHONY: simulate
simulate: setup ## the evaluators on a simulated Kafka, PostgreSQL and clock; SEEDS=n
	@$(BIN)/python -m tests.simulation --seeds $(or $(SEEDS),500)

.PHONY: clean
clean: ## remove .venv, the local stack's data and the tools' caches
	rm -rf $(VENV) .accord .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache mutants
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
