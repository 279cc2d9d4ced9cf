# Every target sets up .venv from requirements.lock first, and again when the lock changes.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
CORES  ?= all
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

ifeq ($(OS),Windows_NT)
$(error Windows itself cannot run the workflow, whose jobs lock files and get signals as on Unix: run it in WSL 2)
endif
ifneq ($(words $(CURDIR)),1)
$(error The path of this folder holds a space, and programs in $(VENV)/bin cannot start there: move it)
endif

# MIRROR=<folder or file URL>: where archives are looked for before the network.
ifdef MIRROR
export VIPANN_MIRROR := $(if $(findstring ://,$(MIRROR)),$(MIRROR),$(shell $(PYTHON) -c 'import os, sys; print(os.path.abspath(sys.argv[1]))' '$(MIRROR)'))
endif
export PATH := $(abspath $(BIN)):$(PATH)

# Snakemake and pip keep things there, and a home may be one that cannot be written to.
export XDG_CACHE_HOME ?= $(if $(shell test -w "$$HOME" && echo yes),$(HOME)/.cache,$(CURDIR)/.snakemake/cache)

# The config of a target, and the name of its run: the target's own, unless CONFIG says otherwise; BASE:
# configs that it changes.
BASE :=
NAME = $(or $(CONFIG),$@)
# One line now and then on each stage, and of a failure what to do (src/snakemake_logger_plugin_stages); what does not
# depend on the job that failed is still made.
START = $(BIN)/snakemake --configfile $(patsubst %,config/%.yaml,$(BASE) $(NAME)) --cores $(CORES) --keep-going \
  --logger stages --logger-stages-command 'make $@ $(MAKEOVERRIDES)' \
  --logger-stages-unlock 'make $@ $(MAKEOVERRIDES) ARGS=--unlock' \
  --report results/$(NAME)/report.html --report-stylesheet workflow/report/style.css \
  --report-after-run $(ARGS)
WHERE = @printf '%s\n' '' 'Results of this run:' \
  '  report    results/$(NAME)/report.html' \
  '  index     results/$(NAME)/index.html, or index.md: every output with a line' \
  '  notebooks results/$(NAME)/notebooks/' \
  '  tables    results/$(NAME)/tables/' \
  '  figures   results/$(NAME)/figures/'

.PHONY: demo own esc10 esc50 laptop audioset_vggish psla pooling pooling_scenes networks accept test check lint \
  bench-models bench-features bench-prediction bench-fixed bench-gpu bench-imagenet bench-batch-norm bench-head bench-survey clean
.DEFAULT_GOAL := demo

# Your own data: config/mine.yaml, or with CONFIG=whales config/whales.yaml, whose `run` is then whales.
MINE := $(or $(CONFIG),mine)
own: CONFIG := $(MINE)
ifneq ($(filter own,$(MAKECMDGOALS)),)
ifeq ($(wildcard config/$(MINE).yaml),)
$(error There is no config/$(MINE).yaml: docs/own-data.md says what to write there)
endif
ifneq ($(shell grep -c '^run: *$(MINE)\b' config/$(MINE).yaml),1)
$(error config/$(MINE).yaml must say 'run: $(MINE)', as the file is called)
endif
endif

# laptop and esc50 transfer published AudioSet weights; audioset_vggish evaluates on AudioSet itself, psla its recipes,
# pooling and pooling_scenes five poolings of the scores of frames; networks compares encoders from scratch on ESC-10.
psla: CONFIG := psla_embeddings
own laptop esc50: BASE := own
networks: BASE := esc10
demo own esc10 esc50 laptop audioset_vggish psla pooling pooling_scenes networks: $(READY)
	@$(START)
	$(WHERE)

# RUN=<name of a run>: its finished results are taken as made by the present code and environment, and
# results/<run>/accepted.md says what that was (docs/reruns.md).
accept: $(READY)
	@$(BIN)/python workflow/accept.py $(RUN) $(ARGS)

# One thread for each of the processes side by side, and malloc as in common.smk.
test: $(READY)
	OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 \
	  $(BIN)/python -m pytest -n auto --dist loadfile $(TESTS)

# While you work, under two minutes: style, spelling, types, the direction of imports, and the fast tests.
check: lint
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo --no-cache
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n auto --dist loadfile -m "not slow" tests/unit

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check workflow
	$(BIN)/codespell

# Ratios, measured side by side in one run; meant for an idle machine (about 12 minutes).
bench-models: $(READY)
	$(BIN)/python benchmarks/models.py --out benchmarks/results/models $(ARGS)

# Memory is kept as the workflow keeps it in its jobs (workflow/rules/common.smk).
bench-features: $(READY)
	OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 PYTHONPATH=src \
	  $(BIN)/python benchmarks/features.py --out benchmarks/results/features \
	  $(if $(VIPANN_MIRROR),--mirror '$(VIPANN_MIRROR)') $(ARGS)

# Shares of a Monte Carlo pass over AudioSet's embeddings, beside its matrix products alone.
bench-prediction: $(READY)
	OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 PYTHONPATH=src \
	  $(BIN)/python benchmarks/prediction.py --out benchmarks/results/prediction $(ARGS)

# The fixed phase of transfer, faithful and on cached embeddings, on real ESC-10.
bench-fixed: $(READY)
	OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 PYTHONPATH=src \
	  $(BIN)/python benchmarks/fixed_phase.py --out benchmarks/results/fixed_phase \
	  $(if $(VIPANN_MIRROR),--mirror '$(VIPANN_MIRROR)') $(ARGS)

# ImageNet's weights against a random start, five folds of real ESC-10 (under 40 minutes).
bench-imagenet: $(READY)
	MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 PYTHONPATH=src \
	  $(BIN)/python benchmarks/imagenet_start.py --out benchmarks/results/imagenet_start \
	  $(if $(VIPANN_MIRROR),--mirror '$(VIPANN_MIRROR)') $(ARGS)

# Batch norm in blocks against PyTorch's own: errors and cost (a minute).
bench-batch-norm: $(READY)
	MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 PYTHONPATH=src \
	  $(BIN)/python benchmarks/batch_norm.py --out benchmarks/results/batch_norm $(ARGS)

# Two starts of a new head, on real ESC-10 with the published mn04 (under 10 minutes).
bench-head: $(READY)
	OMP_NUM_THREADS=1 MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=17179869184 PYTHONPATH=src \
	  $(BIN)/python benchmarks/head_start.py --out benchmarks/results/head_start \
	  $(if $(VIPANN_MIRROR),--mirror '$(VIPANN_MIRROR)') $(ARGS)

# Full-size networks on a GPU, in 8 minutes (ARGS=--tiny: the script alone, on a CPU).
bench-gpu: $(READY)
	PYTHONPATH=src $(BIN)/python benchmarks/gpu.py --out benchmarks/results $(ARGS)

# Hours of audio that a survey hears in an hour, by the networks of a finished run (make laptop).
bench-survey: $(READY)
	OMP_NUM_THREADS=1 PYTHONPATH=src $(BIN)/python benchmarks/survey.py results/laptop \
	  --out benchmarks/results/survey $(ARGS)

clean:
	rm -rf $(VENV) .snakemake results/demo .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Compiling on all cores is faster than pip's own; some packages hold files that don't compile.
# CUDA packages exist for Linux alone; elsewhere torch does without them.
$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
	  { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@test "$$(uname)" != Darwin || \
	  echo "macOS has not been tried with this workflow; torch has packages for Apple silicon only."
	@echo "Setting up $(VENV) from requirements.lock; this takes a minute or more."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --upgrade pip
	@grep -v $(if $(filter Linux,$(shell uname)),'^$$','^\(nvidia\|cuda\|triton\)') requirements.lock \
	  > $(VENV)/requirements.txt
	@$(BIN)/pip install --quiet --no-deps --no-compile -r $(VENV)/requirements.txt
	@$(BIN)/python -m compileall -q -j 0 $(VENV)/lib >/dev/null 2>&1 || true
	@$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@
