# Two commands matter: `make demo` and `make test`. Each makes its own .venv from the hash-pinned lock.
ROOT := $(patsubst %/,%,$(dir $(abspath $(lastword $(MAKEFILE_LIST)))))
PYTHON ?= python3
VENV := $(ROOT)/.venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEMO_HOME ?= $(ROOT)/var/demo
UP_HOME ?= $(ROOT)/var/up
POPULATION ?= 20000
SEED ?= 2012
# No telemetry, from anything we install or start.
export GX_ANALYTICS_ENABLED := false
export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED := False
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test up check lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*## ' $(ROOT)/Makefile | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

install: $(STAMP) ## Make .venv from requirements.lock (the other targets do it for you)

$(STAMP): $(ROOT)/requirements.lock $(ROOT)/pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Whole Family needs Python 3.11 or newer; set PYTHON=/path/to/python3.11" >&2; exit 2; }
	@echo "Installing into $(VENV): 1 to 3 minutes, once."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r $(ROOT)/requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable $(ROOT)
	@touch $(STAMP)

demo: $(STAMP) ## The whole pipeline on a made-up borough, under the real Airflow DAGs
	@$(BIN)/wholefamily demo --population $(POPULATION) --seed $(SEED) --home $(DEMO_HOME)

up: $(STAMP) ## Airflow and the live database, kept running until Ctrl-C
	@$(BIN)/wholefamily up --home $(UP_HOME)

test: $(STAMP) ## Every test, with a real PostgreSQL and a real Airflow
	@cd $(ROOT) && $(BIN)/python -m pytest

check: $(STAMP) ## ruff, mypy, import-linter
	@cd $(ROOT) && $(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

lock: ## Resolve requirements.lock anew (needs uv on the PATH)
	@cd $(ROOT) && uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean: ## Remove .venv and the demo's homes
	@for home in $(DEMO_HOME) $(UP_HOME); do \
	  if [ -x $(BIN)/wholefamily ]; then $(BIN)/wholefamily clean --home $$home --yes; fi; done
	@rm -rf $(VENV) $(ROOT)/var
