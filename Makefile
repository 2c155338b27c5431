# `make` prints what there is to do. Needs make, git and Python 3.11 to 3.13; the rest it installs.

PROFILE ?= paper
export PROFILE
# JupyterLab opens at the quick profile, unless another was asked for.
LAB_PROFILE := $(if $(filter file,$(origin PROFILE)),quick,$(PROFILE))
# What the caller's shell says to Python, Jupyter and matplotlib changes nothing here. (With
# SDD_FINDINGS, which names a module of one's own, PYTHONPATH says where it is.)
HARMLESS := PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX $(if $(SDD_FINDINGS),PYTHONPATH)
unexport MPLBACKEND JUPYTER_PATH $(filter-out $(HARMLESS),$(filter PYTHON%,$(.VARIABLES)))
export JUPYTER_PREFER_ENV_PATH := 1
# A terminal that cannot show a character gets an escape.
export PYTHONIOENCODING := :backslashreplace

# A Python to make .venv with: `make PYTHON=/path/to/python3.12 ...`, or the first that fits.
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)

VENV := .venv
PY := $(VENV)/bin/python
SITE := _build/html
# A build has a home of its own: no settings and start-up files but these, and a place for caches.
BUILD_HOME := _build/home
KERNEL_CONFIG := $(BUILD_HOME)/.ipython/profile_default/ipython_kernel_config.py
AT_HOME := HOME="$(CURDIR)/$(BUILD_HOME)" IPYTHONDIR="$(CURDIR)/$(BUILD_HOME)/.ipython" MATPLOTLIBRC=/dev/null \
  MPLCONFIGDIR= XDG_CONFIG_HOME= XDG_CACHE_HOME= XDG_DATA_HOME= JUPYTER_CONFIG_DIR= JUPYTER_DATA_DIR= \
  JUPYTER_RUNTIME_DIR= PYTHONUTF8=1 LC_ALL=C
# Kernels run in folders of their own: a relative folder of stored runs is the same in all.
ABSOLUTE := import os; print(os.path.abspath(os.path.expanduser(os.environ["SDD_STORE"])))
STORE = $(if $(SDD_STORE),export SDD_STORE="$$($(PY) -ISc '$(ABSOLUTE)')";)
PORT ?= 8000
# The page that `make page` builds.
PAGE ?=
# An archive of runs (`python -m sdd export`) that `make book` takes in first.
RUNS ?=
# JupyterLab's; the site's button for it leads there, too.
LABPORT ?= 8895
export LABPORT
# More arguments for pytest: `make test ARGS="-k engine"`
ARGS ?=
# Of the random choices of `make harness`; without it another one every time.
SEED ?=
# FAST=1: without the tests marked slow. EXPLORE=1: those of drawn examples alone, on fresh ones.
LANE := $(if $(EXPLORE),-m hypothesis --hypothesis-profile=explore,$(if $(FAST),-m "not slow"))

VERSION := import sys; print("%d.%d" % sys.version_info[:2])
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install profile book page pdf test test-site harness check bench serve lab notebooks clean clean-runs

help: ## print this list
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "PROFILE=quick|paper|full chooses the sizes (now: $(PROFILE))."

install: ## make .venv and install the package (every other target does so by itself)
	@$(PY) -ISB tools/install.py --current 2>/dev/null || { \
	python=; found=; bare=; \
	for candidate in $(if $(PYTHON),,$(PY)) $(CANDIDATES); do \
	  version=$$("$$candidate" -c '$(VERSION)' 2>/dev/null) || continue; \
	  found="$$found$${found:+, }$$candidate is $$version"; \
	  "$$candidate" -c '$(SUPPORTED)' 2>/dev/null || continue; \
	  if "$$candidate" -c 'import venv, ensurepip' 2>/dev/null; then python=$$candidate; break; fi; \
	  bare=$$version; \
	done; \
	if [ -n "$$python" ]; then \
	  exec "$$python" -IB tools/install.py; \
	elif [ -n "$$bare" ]; then \
	  echo "sdd needs Python's venv module, which Python $$bare lacks here: install it (Debian, Ubuntu: apt install python$$bare-venv)." >&2; \
	else \
	  echo "sdd needs Python 3.11, 3.12 or 3.13, and $${found:-there is none of $(CANDIDATES)}: install one, or name it with make PYTHON=/path/to/python3.12." >&2; \
	fi; exit 2; }

# Before minutes of set-up; the names are those of sdd/findings/profiles.py.
profile:
	@names=$$(sed -n '/Profile($$/{n;s/^ *"\([a-z]*\)",.*/\1/p;}' sdd/findings/profiles.py | paste -sd ' ' -); \
	case " $$names " in *" $(PROFILE) "*) ;; *) \
	  echo "PROFILE must be one of $$names, not $(PROFILE)." >&2; exit 2;; esac

# No word on sockets, nor on fonts: whatever a cell writes to stderr fails the build.
$(KERNEL_CONFIG): | install
	@mkdir -p $(@D)
	@$(AT_HOME) $(PY) -c 'import matplotlib.font_manager' 2>/dev/null
	@echo 'c.Application.log_level = "ERROR"' > $@

book: profile install $(KERNEL_CONFIG) ## train what is missing, then build the site (PROFILE=quick: minutes; RUNS=FILE: first takes in an archive)
	@set -e; start=$$(date +%s); $(STORE) \
	$(if $(RUNS),$(PY) -m sdd import "$(RUNS)";) \
	$(PY) -m sdd run --profile "$(PROFILE)"; \
	rm -rf $(SITE) _build/.doctrees _build/jupyter_execute; \
	SDD_BUILD=1 $(AT_HOME) $(VENV)/bin/jupyter-book build . -q -W --keep-going; \
	$(PY) -m sdd claims --profile "$(PROFILE)" --json $(SITE)/claims.json; \
	seconds=$$(($$(date +%s) - start)); \
	echo "The book (profile $(PROFILE)) is in $(CURDIR)/$(SITE)/index.html, made in $$((seconds / 60)) min $$((seconds % 60)) s."

page: profile install $(KERNEL_CONFIG) ## build one page as strictly, in seconds (PAGE=bump PROFILE=quick)
	@$(STORE) $(AT_HOME) $(PY) tools/page.py "$(PAGE)"

pdf: install ## print the built book as one PDF, and link it from its first page (needs Chromium)
	@$(PY) tools/pdf.py

test: install ## train the quick runs and run the tests, not those of the site (FAST=1, EXPLORE=1: see CONTRIBUTING)
	@$(if $(FAST)$(EXPLORE)$(ARGS),,$(PY) -m sdd run --profile quick)
	@$(PY) -m pytest $(LANE) $(ARGS)

test-site: export NOTEBOOKS := $(NOTEBOOKS)
test-site: install ## open the built site in Chromium and test every page
	@$(PY) -m pytest tests/site --numprocesses=2 --dist=loadfile $(ARGS)

harness: install ## try hard to lose a stored run or have a wrong one accepted (20 min; SEED=..., ARGS=kills)
	@$(PY) tools/harness.py $(if $(SEED),--seed $(SEED)) $(ARGS)

check: install ## formatting, lint, types, import layers, docstrings, spelling
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy sdd
	$(VENV)/bin/lint-imports
	$(PY) tools/docstrings.py
	$(VENV)/bin/codespell

bench: install ## measure the engine against textbook PyTorch (ten minutes; SHORT=1: two)
	@$(PY) -m sdd bench $(if $(SHORT),--short) --json _build/bench/bench.json

serve: install ## show the built site at http://localhost:8000 (PORT=...)
	@test -f $(SITE)/index.html || { echo "No site in $(SITE): run make book first." >&2; exit 2; }
	@$(PY) tools/port.py "$(PORT)" "make serve PORT"
	@echo "http://localhost:$(PORT)/ (Ctrl-C stops)"
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

lab: profile notebooks ## open the chapters in JupyterLab, at the quick profile (PROFILE=..., LABPORT=...)
	@$(PY) tools/port.py "$(LABPORT)" "make lab LABPORT"
	@echo "Chapters at the profile $(LAB_PROFILE), in $(CURDIR)/notebooks. The paper's size: train its models with"
	@echo "    $(PY) -m sdd run --profile paper     (95 minutes; continues where it was stopped)"
	@echo "then make lab PROFILE=paper. Ctrl-C stops JupyterLab."
	@$(STORE) PROFILE="$(LAB_PROFILE)" SDD_ON_THE_SPOT="$${SDD_ON_THE_SPOT:-900}" $(VENV)/bin/jupyter lab \
	  --port $(LABPORT) --ServerApp.port_retries=0 \
	  --ServerApp.root_dir="$(CURDIR)/notebooks" --LabApp.app_settings_dir="$(CURDIR)/tools/jupyterlab" \
	  --LabApp.default_url=/lab/tree/intro.ipynb $(ARGS)

notebooks: install ## write the chapters as notebooks/*.ipynb; those that you have changed stay
	@$(PY) tools/notebooks.py

clean: ## delete the built site and caches; stored runs and .venv stay
	rm -rf _build book/api .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache

clean-runs: install ## delete the stored runs, after saying how many and asking (YES=1: do not ask)
	@$(PY) -m sdd clean $(if $(filter 1,$(YES)),--yes)
