# Two commands do all the set-up: `make demo` and `make test`.
#
#   make demo              synthetic clips, a run of the built-in model and the blind
#                          baselines, the score table, and site/index.html
#   make demo SEED=7       the same on other clips; ITEMS=60 asks fewer questions
#   make test              the test suite, in two processes
#   make test-long         the suites that take minutes
#   make fuzz              the long form of the fuzz suite; hours, PART=3/20 for a part of it
#   make test-vllm         the tests on vLLM, in an environment of their own (3 GB)
#   make test-timm         the tests that need timm or torchvision, in an environment of their own
#   make docs              the documentation site, in build/docs
#   make wheels            whether every dependency comes as a wheel, by Python and system (needs
#                          the network)
#   make lint              ruff, the layers of the package, and mypy
#   make audit             known vulnerabilities of what is installed (needs the network), and keys
#                          among the tracked files; make secrets is the second alone
#   make benchmark         speed and memory, recorded in benchmarks/results/; installs other harnesses
#                          below build/peers, which takes minutes and 8 GB
#   make gpu-benchmark     speed and correctness on a GPU, in eight minutes
#   make tiny              the family of tiny/omni from nothing, in runs/tiny; about two hours.
#                          SEED=2 makes another base over the same clips and towers
#   make tiny-study        its preference stage over three seeds and two bases; some hours
#
# TORCH_INDEX: package index that torch is installed from. Empty means the plain
# index; without a GPU give the index of PyTorch's CPU wheels (see docs/install.md).

PYTHON ?= python3
VENV ?= .venv
VLLM_VENV ?= .venv-vllm
TIMM_VENV ?= .venv-timm
TORCH_INDEX ?=
SEED ?= 1
ITEMS ?= 240
PART ?= 1/1

BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check -q
TIMM_PIP := $(TIMM_VENV)/bin/pip --disable-pip-version-check -q
DEMO_DATA := data/synth-$(SEED)-$(ITEMS)
# The base that ships has seed 0, whatever clips the demonstration draws.
BASE_SEED := $(if $(filter command,$(firstword $(origin SEED))),$(SEED),0)
DEMO_RUNS := runs/demo-$(SEED)-$(ITEMS)
DEMO_MODELS := tiny/omni tiny/omni+naive-dpo tiny/omni+avem-dpo \
  tiny/omni+avem-dpo-counterfactual tiny/omni+naive-dpo-balanced \
  baseline/first-choice baseline/last-choice baseline/random

.PHONY: demo test test-long fuzz test-vllm test-timm docs wheels lint audit secrets benchmark gpu-benchmark tiny tiny-study \
  clean

demo: $(VENV)/.installed-demo
	$(BIN)/emoreal-bench data synth --out $(DEMO_DATA) --items $(ITEMS) --seed $(SEED)
	$(BIN)/emoreal-bench run $(addprefix --model ,$(DEMO_MODELS)) --task emorealm-synth \
	  --data $(DEMO_DATA) --runs $(DEMO_RUNS)
	$(BIN)/emoreal-bench leaderboard build $(DEMO_RUNS) --out site
	@echo "Open site/index.html in a browser."

# A worker that dies ends the tests by name: one that takes its place hides which test it was.
test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m "not long" -n 2 --dist loadfile --no-loadscope-reorder \
	  --max-worker-restart 0 --durations 25

test-long: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -m long --timeout 3600

fuzz: $(VENV)/.installed-dev
	$(PIP) install -c constraints.txt -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz --part $(PART)

test-vllm: $(VLLM_VENV)/.installed
	PYTHONPATH=tests/vllm/torchvision_operators VLLM_CPU_KVCACHE_SPACE=1 VLLM_NO_USAGE_STATS=1 \
	  $(VLLM_VENV)/bin/python -m pytest tests/vllm --timeout 1800

test-timm: $(TIMM_VENV)/.installed
	PYTHONPATH=tests/vllm/torchvision_operators $(TIMM_VENV)/bin/python -m pytest \
	  -k "gemma3n or phi4_inputs" tests/integration/models/test_adapter_conformance.py \
	  $(addprefix tests/unit/models/test_,gemma3n.py gemma3n_inputs.py family_answers.py phi4_inputs.py)

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

docs: $(VENV)/.installed-dev
	OMP_NUM_THREADS=1 NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build
	@echo "Open build/docs/index.html in a browser."

wheels: $(VENV)/.installed-audit
	$(BIN)/python .ci/wheels.py

audit: $(VENV)/.installed-audit
	$(BIN)/python .ci/audit.py

secrets: $(VENV)/.installed-audit
	$(BIN)/python .ci/audit.py --keys

benchmark: $(VENV)/.installed-dev
	for script in benchmarks/*.py; do \
	  $(BIN)/python -m benchmarks.$$(basename $$script .py) || exit 1; done
	$(BIN)/python -m benchmarks.peers
	$(BIN)/python -m benchmarks.gpu

gpu-benchmark: $(VENV)/.installed-dev
	$(BIN)/python -m benchmarks.gpu

tiny: $(VENV)/.installed-demo
	OMP_NUM_THREADS=1 $(BIN)/python -m recipes.tiny_omni build --seed $(BASE_SEED) --work runs/tiny

tiny-study: $(VENV)/.installed-demo
	OMP_NUM_THREADS=1 $(BIN)/python -m recipes.tiny_omni study --work runs/tiny

$(VENV)/.torch: constraints.txt
	@echo "Installing torch and the other libraries; this takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	touch $@

$(VENV)/.installed-demo: $(VENV)/.torch pyproject.toml
	$(PIP) install -c constraints.txt -e '.[hf,synth]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.torch pyproject.toml
	$(PIP) install -c constraints.txt -e '.[dev]'
	touch $@

$(VENV)/.installed-audit: $(VENV)/.installed-dev
	$(PIP) install -c constraints.txt -e '.[audit]'
	touch $@

$(VLLM_VENV)/.installed: tests/vllm/install.py pyproject.toml
	$(PYTHON) -m venv $(VLLM_VENV)
	$(VLLM_VENV)/bin/python tests/vllm/install.py $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX))
	$(VLLM_VENV)/bin/pip --disable-pip-version-check -q install -e . accelerate peft hypothesis \
	  pytest pytest-timeout
	touch $@

# Torch first, as above; torchvision then takes it as it is, and its operators are declared.
$(TIMM_VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(TIMM_VENV)
	$(TIMM_PIP) install $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX)) -c constraints.txt torch
	$(TIMM_PIP) install -c constraints.txt -e '.[gemma3n]' hypothesis pytest pytest-timeout
	touch $@

clean:
	rm -rf $(VENV) $(VLLM_VENV) $(TIMM_VENV) build dist *.egg-info site
