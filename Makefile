# `make` prints what there is to do. Needs make, git and Python 3.11 to 3.13; the rest it installs.

PROFILE ?= paper
export PROFILE
# JupyterLab opens at the quick profile, unless another was asked for.
LAB_PROFILE := $(if $(filter file,$(origin PROFILE)),quick,$(PROFILE))
# Chapters draw through the notebook's own backend, whatever the caller's shell says.
unexport MPLBACKEND

# A Python to build .venv with: `make PYTHON=/path/to/python3.12 ...`, or the first that fits.
PYTHON ?=
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11)

VENV := .venv
STAMP := $(VENV)/.installed
PY := $(VENV)/bin/python
SITE := _build/html
# Of IPython, for the kernels of a build alone: nobody's own start-up files, and no word on sockets.
KERNELS := $(CURDIR)/_build/ipython
KERNEL_CONFIG := _build/ipython/profile_default/ipython_kernel_config.py
# JupyterLab opens a chapter as a notebook at a double click.
LAB := $(VENV)/etc/jupyter/labconfig/default_setting_overrides.json
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
# FAST=1: without the tests marked slow. EXPLORE=1: those of drawn examples alone, on fresh ones.
LANE := $(if $(EXPLORE),-m hypothesis --hypothesis-profile=explore,$(if $(FAST),-m "not slow"))

PIP_INSTALL := $(PY) -m pip install --quiet --disable-pip-version-check
VERSION := import sys; print("%d.%d" % sys.version_info[:2])
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

# Scripts in an environment hold absolute paths, so one that was moved or copied is made again.
MOVED := $(filter-out $(CURDIR),$(shell cat $(STAMP) 2>/dev/null))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install profile book page test test-site check bench serve lab notebooks clean clean-runs FORCE

help: ## print this list
	@echo "Targets:"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile
	@echo "PROFILE=quick|paper|full chooses the sizes (now: $(PROFILE))."

install: $(STAMP) ## make .venv and install the package (every other target does so by itself)

$(STAMP): constraints.txt pyproject.toml $(if $(MOVED),FORCE)
	@set -e; \
	if [ -n "$(MOVED)" ] || ! $(PY) -c '$(SUPPORTED)' >/dev/null 2>&1; then \
	  python=; found=; bare=; \
	  for candidate in $(CANDIDATES); do \
	    version=$$("$$candidate" -c '$(VERSION)' 2>/dev/null) || continue; \
	    found="$$found$${found:+, }$$candidate is $$version"; \
	    "$$candidate" -c '$(SUPPORTED)' 2>/dev/null || continue; \
	    if "$$candidate" -c 'import venv, ensurepip' 2>/dev/null; then python=$$candidate; break; fi; \
	    bare=$$version; \
	  done; \
	  if [ -z "$$python" ] && [ -n "$$bare" ]; then \
	    echo "sdd needs Python's venv module, which Python $$bare lacks here: install it (Debian, Ubuntu: apt install python$$bare-venv)." >&2; exit 2; \
	  elif [ -z "$$python" ]; then \
	    echo "sdd needs Python 3.11, 3.12 or 3.13, and $${found:-there is none of $(CANDIDATES)}: install one, or name it with make PYTHON=/path/to/python3.12." >&2; exit 2; \
	  fi; \
	  rm -rf $(VENV); \
	  "$$python" -m venv $(VENV); \
	fi; \
	echo "Installing sdd and its requirements into $(VENV) with Python $$($(PY) -c '$(VERSION)') (minutes, once) ..."; \
	$(PIP_INSTALL) --constraint constraints.txt --editable '.[dev]'; \
	$(VENV)/bin/jupytext-config --settings-file $(LAB) set-default-viewer markdown; \
	echo "$(CURDIR)" > $@

# Before minutes of set-up; the names are those of sdd/findings/profiles.py.
profile:
	@names=$$(sed -n '/Profile($$/{n;s/^ *"\([a-z]*\)",.*/\1/p;}' sdd/findings/profiles.py | paste -sd ' ' -); \
	case " $$names " in *" $(PROFILE) "*) ;; *) \
	  echo "PROFILE must be one of $$names, not $(PROFILE)." >&2; exit 2;; esac

$(KERNEL_CONFIG):
	@mkdir -p $(@D)
	@echo 'c.Application.log_level = "ERROR"' > $@

book: profile $(STAMP) $(KERNEL_CONFIG) ## train what is missing, then build the site (PROFILE=quick: minutes; RUNS=FILE: first takes in an archive)
	@set -e; start=$$(date +%s); \
	$(if $(RUNS),$(PY) -m sdd import "$(RUNS)";) \
	$(PY) -m sdd run --profile "$(PROFILE)"; \
	rm -rf $(SITE) _build/.doctrees _build/jupyter_execute; \
	SDD_BUILD=1 IPYTHONDIR="$(KERNELS)" $(VENV)/bin/jupyter-book build . -q -W --keep-going; \
	$(PY) -m sdd claims --profile "$(PROFILE)" --json $(SITE)/claims.json; \
	seconds=$$(($$(date +%s) - start)); \
	echo "The book (profile $(PROFILE)) is in $(CURDIR)/$(SITE)/index.html, made in $$((seconds / 60)) min $$((seconds % 60)) s."

page: profile $(STAMP) $(KERNEL_CONFIG) ## build one page as strictly, in seconds (PAGE=bump PROFILE=quick)
	@IPYTHONDIR="$(KERNELS)" $(PY) tools/page.py "$(PAGE)"

test: $(STAMP) ## train the quick runs and run the tests, not those of the site (FAST=1, EXPLORE=1: see CONTRIBUTING)
	@$(if $(FAST)$(EXPLORE)$(ARGS),,$(PY) -m sdd run --profile quick)
	@$(PY) -m pytest $(LANE) $(ARGS)

test-site: export NOTEBOOKS := $(NOTEBOOKS)
test-site: $(STAMP) ## open the built site in Chromium and test every page
	@$(PY) -m pytest tests/site $(ARGS)

check: $(STAMP) ## formatting, lint, types, import layers, docstrings
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy sdd
	$(VENV)/bin/lint-imports
	$(PY) tools/docstrings.py

bench: $(STAMP) ## measure the engine against textbook PyTorch (ten minutes; SHORT=1: two)
	@$(PY) -m sdd bench $(if $(SHORT),--short) --json _build/bench/bench.json

serve: $(STAMP) ## show the built site at http://localhost:8000 (PORT=...)
	@test -f $(SITE)/index.html || { echo "No site in $(SITE): run make book first." >&2; exit 2; }
	@echo "http://localhost:$(PORT)/ (Ctrl-C stops)"
	@$(PY) -m http.server $(PORT) --bind 127.0.0.1 --directory $(SITE)

lab: profile notebooks ## open the chapters in JupyterLab, at the quick profile (PROFILE=..., LABPORT=...)
	@echo "Chapters at the profile $(LAB_PROFILE), in $(CURDIR)/notebooks. The paper's size: train its models with"
	@echo "    $(PY) -m sdd run --profile paper     (about 90 minutes; continues where it was stopped)"
	@echo "then make lab PROFILE=paper. Ctrl-C stops JupyterLab."
	@PROFILE="$(LAB_PROFILE)" SDD_ON_THE_SPOT="$${SDD_ON_THE_SPOT:-900}" $(VENV)/bin/jupyter lab \
	  --port $(LABPORT) --ServerApp.port_retries=0 \
	  --ServerApp.root_dir="$(CURDIR)/notebooks" --LabApp.app_settings_dir="$(CURDIR)/tools/jupyterlab" \
	  --LabApp.default_url=/lab/tree/intro.ipynb $(ARGS)

notebooks: $(STAMP) ## write the chapters as notebooks/*.ipynb; those that you have changed stay
	@$(PY) tools/notebooks.py

clean: ## delete the built site and caches; stored runs and .venv stay
	rm -rf _build book/api .pytest_cache .hypothesis .mypy_cache .ruff_cache .import_linter_cache

clean-runs: $(STAMP) ## delete the stored runs, after saying how many and asking (YES=1: do not ask)
	@$(PY) -m sdd clean $(if $(filter 1,$(YES)),--yes)

FORCE:
