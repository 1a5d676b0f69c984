# `make demo` and `make test` are all a newcomer needs; both set up .venv first (seconds when it is warm).
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export UV_FIND_LINKS := $(wildcard $(PIP_FIND_LINKS))
export HELIOCHROME_HOME ?= $(CURDIR)/.heliochrome

.PHONY: demo up test test-ui coverage reference fuzz test-wheel resolve release lint bench clean venv lock

venv: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml requirements.lock
	@command -v uv >/dev/null || $(PYTHON) -m pip install -q --user uv || $(PYTHON) -m pip install -q uv
	@PATH="$$PATH:$$HOME/.local/bin"; [ -x $(BIN)/python ] || uv venv -q --python $(PYTHON) $(VENV)
	@PATH="$$PATH:$$HOME/.local/bin"; uv pip install -q -p $(VENV) -r requirements.lock && uv pip install -q -p $(VENV) --no-deps -e .
	@touch $@

demo: venv
	@$(BIN)/heliochrome demo $(addprefix --scans ,$(wildcard ../shared/scans))

up: venv
	@$(BIN)/heliochrome up

test: venv
	@$(BIN)/python -m pytest --ignore=tests/wheel --ignore=tests/ui

# The pages in a browser, Debian's Chromium; without one, and where none can be installed, it says so and skips them.
test-ui: venv
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null \
	  && { apt-get install -qq -y --no-install-recommends chromium || { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium; }; } >/dev/null 2>&1; } \
	  || echo 'test-ui: there is no Chromium, and it cannot be installed here: install the package chromium.'
	@$(BIN)/python -m pytest tests/ui

# Which lines of the product packages the tests reach; `make coverage TESTS=tests/imaging` measures a part, without a limit.
coverage: venv
	@$(BIN)/python -m pytest --ignore=tests/wheel --ignore=tests/ui --cov --cov-report=term $(if $(TESTS),--cov-fail-under=0) $(TESTS)

# Writes the pages of docs/reference that the code itself states.
reference: venv
	@$(BIN)/python -m tests.docs.reference

# Builds the wheel and installs it beside museums' own code: two minutes.
test-wheel: venv
	@$(BIN)/python -m pytest tests/wheel

# Whether the metadata resolve beside other providers and libraries; asks the package index.
resolve: venv
	@$(BIN)/python -m tests.wheel.resolve

# Builds wheel and source distribution into dist/ and tries both in fresh environments of every Python that uv finds.
release: venv
	@$(BIN)/python -m tests.wheel.release

fuzz: venv
	@HELIOCHROME_FUZZ=2000 $(BIN)/python -m pytest tests/imaging/test_fuzz.py tests/catalog/web/test_request_fuzz.py

lint: venv
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

# `make bench-color`, `make bench-gigapixel`, …: each prints a table and writes $(HELIOCHROME_HOME)/bench/NAME.json
bench-%: venv
	@$(BIN)/python -m tests.benchmarks.$*

bench: bench-color bench-gigapixel bench-restore bench-film bench-catalog bench-iiif

# torch is chosen anew, for its name in the lock is that of any build: PIP_FIND_LINKS has to hold the CPU's.
lock: export PATH := $(PATH):$(HOME)/.local/bin
lock:
	sed -i '/^torch==/d' requirements.lock
	uv pip compile -q pyproject.toml --all-extras --group dev --python-version 3.11 --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock
	sed -i 's/^\(torch==[^+]*\)+cpu/\1/' requirements.lock
	@! grep -E '^(nvidia|cuda|triton)' requirements.lock || { echo 'requirements.lock: a torch with CUDA; set PIP_FIND_LINKS'; exit 1; }

clean:
	rm -rf $(VENV) .heliochrome dist build .coverage .pytest_cache .mypy_cache .ruff_cache .hypothesis
