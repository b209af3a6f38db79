# Two commands matter: `make demo` and `make test`. Each makes its own .venv from the hash-pinned lock.
# Works from any folder (make -C, make -f) and under paths with spaces; so no path is a target here.
ROOT := $(shell cd "$$(dirname "$(strip $(MAKEFILE_LIST))")" && pwd)
PYTHON ?= python3
POPULATION ?= 20000
SEED ?= 2012
DEMO_HOME ?= $(ROOT)/var/demo
UP_HOME ?= $(ROOT)/var/up
TEST_PROCESSES ?= 2
VENV := $(ROOT)/.venv
BIN := $(VENV)/bin
# No telemetry, from anything we install or start.
export GX_ANALYTICS_ENABLED := false
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo up test check lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' "$(ROOT)/Makefile" | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: ## Make .venv from requirements.lock (the other targets do it for you)
	@if [ "$(VENV)/.installed" -nt "$(ROOT)/requirements.lock" ]; then exit 0; fi; \
	  "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	    { echo "Whole Family needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }; \
	  echo "Installing into $(VENV): 1 to 3 minutes, once."; \
	  "$(PYTHON)" -m venv --clear "$(VENV)" && \
	  "$(BIN)/python" -m pip install --quiet --require-hashes -r "$(ROOT)/requirements.lock" && \
	  "$(BIN)/python" -m pip install --quiet --no-deps --no-build-isolation --editable "$(ROOT)" && \
	  touch "$(VENV)/.installed"

demo: install ## The whole pipeline on a made-up borough, under the real Airflow DAGs
	@"$(BIN)/python" -m pipeline.cli demo --population $(POPULATION) --seed $(SEED) --home "$(DEMO_HOME)"

up: install ## Airflow and the live database, kept running until Ctrl-C
	@"$(BIN)/python" -m pipeline.cli up --home "$(UP_HOME)"

test: install ## Every test, with a real PostgreSQL and a real Airflow
	@cd "$(ROOT)" && "$(BIN)/python" -m pytest --numprocesses $(TEST_PROCESSES) --dist loadfile

check: install ## ruff, mypy, import-linter
	@cd "$(ROOT)" && "$(BIN)/python" -m ruff check . && "$(BIN)/python" -m ruff format --check . && \
	  "$(BIN)/python" -m mypy && "$(BIN)/python" -c 'from importlinter.cli import lint_imports_command; lint_imports_command()'

lock: ## Resolve requirements.lock anew (needs uv on the PATH)
	@cd "$(ROOT)" && uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean: ## Remove .venv and the demo's homes, databases included
	@for home in "$(DEMO_HOME)" "$(UP_HOME)"; do if [ -x "$(BIN)/python" ]; then \
	  "$(BIN)/python" -m pipeline.cli clean --home "$$home" --yes; fi; done
	@rm -rf "$(VENV)" "$(ROOT)/var"
