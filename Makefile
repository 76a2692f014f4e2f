# make run    starts the web app
# make test   lints, then runs the tests
# make test-full   the same with every run of Stable Diffusion, which takes a long time
# make lint   style, format and types alone
# Each makes its own .venv first. Another Python: make run PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
python := $(VENV)/bin/python
install := $(python) -m pip install -q --disable-pip-version-check

.PHONY: run test test-full lint browser

run: $(VENV)/run.stamp
	$(python) app.py

test: browser lint
	$(python) -m pytest

test-full: browser lint
	$(python) -m pytest --full

lint: $(VENV)/test.stamp
	$(python) -m ruff check
	$(python) -m ruff format --check
	$(python) -m mypy

$(VENV)/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "$(PYTHON) is not Python 3.11 or newer: name one that is, as in make run PYTHON=python3.12." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install python3-venv (apt-get install python3-venv)." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.stamp: requirements.txt pyproject.toml | $(VENV)/bin/pip
	$(install) -r requirements.txt -e .
	@touch $@

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(install) -r requirements.txt -e '.[test]'
	@touch $@

# The tests drive the page in whichever of these is on PATH.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	sudo=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
	if command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
		$$sudo apt-get update && $$sudo apt-get install -y --no-install-recommends chromium; \
	else \
		echo "The tests need Chromium or Google Chrome on PATH: install one of them." >&2; exit 1; \
	fi
