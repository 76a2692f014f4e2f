# make run         starts the web app
# make lint        checks style, format and types
# make check       the same and the quick tests: no browser, no Stable Diffusion, nothing that takes long
# make test        the same and all other tests; installs Chromium where there is no browser for them
# make test-full   the same with every run of Stable Diffusion, which takes a long time
# make bench       times everything that needs no download, on a machine that has nothing else to do
# make soak        lets N=50 clients loose on the server for T=10m: is a result lost or swapped, does it grow?
# Each makes its own .venv first. Another Python: make run PYTHON=python3.12

PYTHON ?= python3
T ?= 10m
N ?= 50
VENV := .venv
python := $(VENV)/bin/python
install := $(python) -m pip install --disable-pip-version-check
# Two processes, each with one thread so that they do not share a core; the first that is done helps the other.
pytest := OMP_NUM_THREADS=1 $(python) -m pytest -n 2 --dist worksteal

.PHONY: run lint check test test-full bench soak browser

run: $(VENV)/run.stamp
	$(python) app.py

check: lint
	$(pytest) -m "not browser and not sd and not slow"

test: browser lint
	$(pytest)

test-full: browser lint
	$(pytest) --full

bench: $(VENV)/run.stamp
	mkdir -p build
	$(python) benchmarks/networks.py --json build/networks.json --release benchmarks/networks.json
	$(python) benchmarks/pipeline.py --json build/pipeline.json
	$(python) benchmarks/finish.py
	$(python) benchmarks/full_size.py --megapixels 24 --megapixels 40
	$(python) benchmarks/start.py
	$(python) benchmarks/clients.py --json build/clients.json

soak: $(VENV)/run.stamp
	$(python) benchmarks/soak.py --time $(T) --clients $(N)

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
	@$(torch_for_cpu)
	@echo "Installing the packages of requirements.txt; this takes some minutes."
	$(install) -r requirements.txt -e .
	@touch $@

# On Linux PyPI's torch brings several GB of CUDA. Where there is no NVIDIA GPU its build for the CPU is taken, if
# TORCH_INDEX has the very versions that are tested. Otherwise, and with make run TORCH_INDEX=, PyPI's is taken.
TORCH_INDEX := https://download.pytorch.org/whl/cpu
torch := $(shell grep -E '^torch(vision)?==' requirements.txt)
define torch_for_cpu
if $(install) -q --dry-run --no-index $(torch) 2>/dev/null; then :; \
elif [ -z "$(TORCH_INDEX)" ] || [ "$$(uname -s)" != Linux ] || nvidia-smi >/dev/null 2>&1; then :; \
elif $(install) -q --dry-run --no-deps --retries 0 --timeout 10 --index-url $(TORCH_INDEX) $(torch) 2>/dev/null; then \
	echo "No NVIDIA GPU is here: taking torch for the CPU from $(TORCH_INDEX), which is much smaller."; \
	$(install) --no-deps --index-url $(TORCH_INDEX) $(torch); \
else \
	echo "No NVIDIA GPU is here, but $(TORCH_INDEX) cannot be reached, or has not the tested versions."; \
	echo "So torch comes with CUDA, from PyPI: several GB."; \
fi
endef

$(VENV)/test.stamp: $(VENV)/run.stamp
	$(install) -r requirements.txt -e '.[test]'
	@touch $@

# The tests drive the page in whichever of these is on PATH. Where none is, this installs Debian's chromium, if it may:
# nothing else here changes anything outside this folder.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	sudo=$$([ "$$(id -u)" = 0 ] || echo sudo -n); \
	if command -v apt-get >/dev/null && $$sudo true 2>/dev/null; then \
		echo "The tests need a browser: installing the system package chromium."; \
		$$sudo apt-get update && $$sudo apt-get install -y --no-install-recommends chromium; \
	else \
		echo "The tests need Chromium or Google Chrome on PATH: install one of them." >&2; exit 1; \
	fi
