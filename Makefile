# Every command of this project, the same for people and for CI. `make` alone lists them.
# Needs make, a POSIX shell and Python 3.11+; image targets need Docker.

PYTHON ?= python3#	makes .venv
NAME ?= iris#	the model's name: artifacts/$(NAME)/
DOCKER ?= docker
BASE_IMAGE ?=#	another base for the images than the Dockerfile's
IMAGE ?=#	another name for the image
DOCKER_ARGS ?=#	further options of `docker build`
ARGS ?=#	further options of the command that a target runs
STACK ?= dev#	a Pulumi stack: dev (this machine), azure-dev, aws-dev, gcp-dev, …-prod
STAND_IN ?=#	1: preview without an account and secrets, from an empty state
REPLACE ?=#	names of what an update may replace or delete although it holds data
TESTS ?=#	files, folders or test ids; all when empty

VENV := .venv/bin
OLD := Python 3.11 or newer is needed and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12 …
define INSTALL
@command -v $(PYTHON) >/dev/null || { echo "setup: no $(PYTHON) here; install Python 3.11 or newer, or name one: make PYTHON=…" >&2; exit 1; }
@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("setup: $(OLD)" % sys.version_info[:2])'
@$(PYTHON) requirements/install.py
endef
MODEL := artifacts/$(NAME)
# Setting up depends on nothing that the caller's shell happens to hold.
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help run train test check format observability image train-image pulumi promtool preview up refresh destroy env lock clean setup setup-dev setup-infra

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: setup ## serve a model on http://127.0.0.1:8000, training iris first if there is none (HOST, PORT, NAME, WORKERS, …)
	@test -n "$$MODEL_PATH" || test -f $(MODEL)/current || $(if $(filter iris,$(NAME)),$(VENV)/python -m training, \
	  { echo "no model $(NAME): make train ARGS=\"--name $(NAME) --data FILE --target COLUMN\"" >&2; exit 1; })
	@MODEL_PATH="$${MODEL_PATH:-$(MODEL)}" exec $(VENV)/python -m app

train: setup ## train a model: make train ARGS="--data FILE --target COLUMN --name NAME"
	@$(VENV)/python -m training $(ARGS)

test: setup-dev ## run the tests, or a part: make test TESTS=tests/app
	@$(VENV)/python -m pytest $(ARGS) $(TESTS)

check: setup-dev ## formatting, lint, types, layers, workflows, locks
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/pyright
	$(VENV)/lint-imports
	$(VENV)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/zizmor --offline --quiet .github
	$(VENV)/python -m pytest --quiet tests/repository/test_locks.py

format: setup-dev ## format and mend what the linter can mend
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

observability: setup-dev ## write observability/generated/: what compose's Prometheus, Alertmanager and Grafana read
	@$(VENV)/python -m observability

# The revision and time of the last commit that touched what goes into the image, so that others leave it as it was.
inputs = $(shell git log -1 --format=$(1) -- app training requirements/serve.txt requirements/train.txt requirements/kernel.txt Dockerfile .dockerignore 2>/dev/null)
BUILD = DOCKER_BUILDKIT=1 $(DOCKER) build $(DOCKER_ARGS) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
  --build-arg REVISION=$(call inputs,%H) --build-arg SOURCE_DATE_EPOCH=$(call inputs,%ct)

image: ## build the serving image mlplatform-$(NAME):<model version>
	@version=$$(cat $(MODEL)/current) || { echo "image: no model in $(MODEL); make train first" >&2; exit 1; }; \
	$(BUILD) --target serve --build-arg MODEL_NAME=$(NAME) --build-arg MODEL_VERSION=$$version --tag $(or $(IMAGE),mlplatform-$(NAME)):$$version .

train-image: ## build the training image mlplatform-train
	@$(BUILD) --target train --tag $(or $(IMAGE),mlplatform-train) .

pulumi: setup-infra ## get the Pulumi engine: from the PATH, by download, or built from Go modules (once, 5 to 20 minutes)
	@$(VENV)/python -m engine install

promtool: setup-infra ## get a promtool that knows every cloud's remote write: from the PATH, or built from Go modules
	@$(VENV)/python -m engine promtool

preview: setup-infra ## show what would change in a stack: make preview STACK=azure-dev (STAND_IN=1: without an account)
	@$(VENV)/python -m engine preview --stack $(STACK) $(if $(STAND_IN),--stand-in) $(ARGS)

up: setup-infra ## deploy a stack, refusing to lose data that REPLACE="name …" does not name: make up STACK=azure-dev
	@$(VENV)/python -m engine up --stack $(STACK) $(addprefix --replace=,$(REPLACE)) $(ARGS)

refresh: setup-infra ## compare a stack's state with what is really there (ARGS=--preview-only changes nothing)
	@$(VENV)/python -m engine refresh --stack $(STACK) $(ARGS)

destroy: setup-infra ## take a stack down; with what holds data only by ARGS=--with-data: make destroy STACK=azure-dev
	@$(VENV)/python -m engine destroy --stack $(STACK) $(ARGS)

env: ## print the variables for your own pulumi commands: eval "$$(make env)"
	@$(VENV)/python -m engine environment

COMPILE = $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links pyproject.toml
lock: setup-dev ## bring requirements/ up to pyproject.toml (ARGS=--upgrade for newer versions)
	$(COMPILE) --all-extras --group dev --no-emit-package mlplatform $(ARGS) --output-file requirements/dev.txt
	$(COMPILE) --extra serve --constraints requirements/dev.txt $(ARGS) --output-file requirements/serve.txt
	$(COMPILE) --extra trace --constraints requirements/dev.txt $(ARGS) --output-file requirements/trace.txt
	$(COMPILE) --extra train --constraints requirements/dev.txt $(ARGS) --output-file requirements/train.txt
	$(COMPILE) --extra kernel --constraints requirements/dev.txt $(ARGS) --output-file requirements/kernel.txt
	$(COMPILE) --extra azure --extra aws --extra gcp --extra local --constraints requirements/dev.txt $(ARGS) --output-file requirements/infra.txt

clean: ## remove what can be made again (.venv, build/, caches), never artifacts/
	rm -rf .venv build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	rm -f app/kernel/trees.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without a compiler it says so in a line, and ONNX Runtime predicts.
KERNEL = @$(VENV)/python -m app.kernel.build || true

setup:
	$(INSTALL) serve train
	$(KERNEL)

setup-dev:
	$(INSTALL) dev
	$(KERNEL)

# About 1 GB; `make run` never needs it.
setup-infra: ## put the packages of the Pulumi programs into .venv
	$(INSTALL) infra
