# One target per door; `make setup` leaves a .venv that the others use.
PYTHON ?= $(firstword $(foreach v,python3.12 python3.11 python3.13 python3,$(if $(shell $(v) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo ok),$(v))))
BIN := .venv/bin
STAMP := .venv/.installed

.DEFAULT_GOAL := help
.PHONY: help setup demo dev test test-all test-whole test-defs test-defs-early test-defs-late test-rest chaos chaos-signals chaos-faults parity check format screenshot bench terraform-present

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(STAMP) ## make .venv with the package, the emulator and the development tools

$(STAMP): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed; install one, or run make with PYTHON=/path/to/python." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo "$(PYTHON) cannot make virtual environments; install its venv package (Debian: apt-get install python3-venv)." >&2; exit 1; }
	@echo "Installing into .venv (minutes the first time) ..."
	@$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[local,dev]' -c constraints.txt
	@touch $(STAMP)

terraform-present:
	@command -v terraform >/dev/null || { echo "terraform is not on PATH; install Terraform 1.11 or newer (developer.hashicorp.com/terraform/install), then run make again." >&2; exit 1; }

demo: terraform-present setup ## the whole platform in the local emulator, from nothing
	@$(BIN)/buildkit doctor --check
	@$(BIN)/buildkit demo $(ARGS)

dev: terraform-present setup ## the same, then Dagster's UI on http://127.0.0.1:3000 until Ctrl-C
	@$(BIN)/buildkit doctor --check
	@$(BIN)/buildkit dev $(ARGS)

# The longest first, so that none is left running alone.
SUITES := test-rest test-defs-early test-defs-late test-whole chaos-signals chaos-faults

# Three processes side by side: much of each is waiting for the AWS provider's polls.
test: terraform-present setup ## the test suite (an hour on two cores), without the cases marked `thorough`
	@$(BIN)/buildkit doctor --check
	@$(MAKE) --no-print-directory -j3 CASES='-m "not thorough"' $(SUITES)

test-all: terraform-present setup ## the test suite with all of its cases (an hour and a half)
	@$(BIN)/buildkit doctor --check
	@$(MAKE) --no-print-directory -j3 $(SUITES)

test-whole: setup ## the end-to-end tests: the platform from nothing, and killed
	@$(BIN)/python -m pytest -q tests/e2e $(CASES) $(ARGS)

test-defs: test-defs-early test-defs-late ## the tests of what Dagster sees

test-defs-early: setup
	@$(BIN)/python -m pytest -q tests/defs/test_[a-k]*.py $(CASES) $(ARGS)

test-defs-late: setup
	@$(BIN)/python -m pytest -q tests/defs/test_[l-z]*.py $(CASES) $(ARGS)

test-rest: setup ## all other tests
	@$(BIN)/python -m pytest -q --ignore tests/e2e --ignore tests/defs --ignore tests/chaos $(CASES) $(ARGS)

chaos: terraform-present setup ## break runs in every way; the table in docs/reliability.md
	@$(BIN)/buildkit doctor --check
	@$(MAKE) --no-print-directory -j2 chaos-signals chaos-faults
	@$(BIN)/python scripts/chaos_table.py docs/reliability.md .buildkit/chaos/signals.xml .buildkit/chaos/faults.xml

chaos-signals: setup ## the rows with signals
	@$(BIN)/python -m pytest -q tests/chaos/test_signals.py --junitxml .buildkit/chaos/signals.xml $(CASES) $(ARGS)

chaos-faults: setup ## the other rows
	@$(BIN)/python -m pytest -q tests/chaos --ignore tests/chaos/test_signals.py --junitxml .buildkit/chaos/faults.xml $(CASES) $(ARGS)

parity: terraform-present setup ## the tests of what DbtBuildKit and Dativo's guide promise, row by row; the tables in docs/parity.md
	@$(BIN)/buildkit doctor --check
	@$(BIN)/python -m pytest -q -m parity --junitxml .buildkit/parity.xml $(ARGS) || true
	@$(BIN)/python scripts/parity_table.py docs/parity.md tests/parity.yaml .buildkit/parity.xml

check: terraform-present setup ## lint, types, HCL format, house rules, workflows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	terraform fmt -check -recursive terraform
	$(BIN)/python -m pytest -q tests/house
	$(BIN)/zizmor --offline deploy/github/*.yml

format: setup ## format Python and HCL
	@$(BIN)/ruff check --fix -q . ; $(BIN)/ruff format . ; terraform fmt -recursive terraform

bench: terraform-present setup ## measure side by side, write the figures to docs/performance.md (20 minutes)
	@$(BIN)/buildkit doctor --check
	@$(BIN)/python -m benchmarks $(or $(ARGS),--write)

screenshot: terraform-present setup ## the lineage page in a headless browser, to docs/images/lineage.png
	@$(BIN)/buildkit doctor --check
	@$(BIN)/python scripts/screenshot.py docs/images/lineage.png
