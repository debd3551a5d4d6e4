# One line per job. uv comes from the PATH, else from .tools, where the first job puts it.
# A Python of your choice: make demo PYTHON=/path/to/python3.12
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .tools/bin/uv)
export UV_PYTHON_DOWNLOADS := never
ifneq ($(origin PYTHON),file)
export UV_PYTHON := $(PYTHON)
endif

.PHONY: demo test lint docs reference bench setup

demo: setup
	@$(UV) run -q quantsail run examples/quickstart.toml

test: setup
	@$(UV) run -q pytest -q -n 2 --dist loadscope

lint: setup
	@$(UV) run -q --all-extras ruff check && $(UV) run -q ruff format --check && $(UV) run -q mypy && $(UV) run -q lint-imports

docs: setup
	@NO_MKDOCS_2_WARNING=1 $(UV) run -q --group docs mkdocs build --strict --quiet && echo "Open site/index.html"

reference: setup
	@$(UV) run -q python -m tests.docs.reference

bench: setup
	@$(UV) run -q python -m tests.benchmarks $(ARGS)

setup: $(UV)

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	{ echo "Quantsail needs Python 3.11 or later, but $(PYTHON) is older or missing. Install one, or name one: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .tools && .tools/bin/python -m pip install -q uv==0.13.9 || \
	{ rm -rf .tools; echo "Could not fetch uv. Install it in any other way and run make again." >&2; exit 1; }
