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
SAVE ?=#	a file for the plan of `make preview`, for `make report`
REPLACE ?=#	names of what an update may replace or delete although it holds data
RELEASE ?=#	a release: its id or the beginning of it
OUTPUT ?=#	where a workflow reads what a target made
PULL_REQUEST ?=#	the address of a pull request
TITLE ?= Pin the retrained model#	of a proposed pull request
REPOSITORY ?=#	where an image is pushed or promoted to: registry/repository
PEERS ?=#	1: benchmark other servers, too
QUICK ?=#	1: a smoke run of the benchmark
TESTS ?=#	files, folders or test ids; all when empty
MINUTES ?= 10#	of `make soak`

VENV := .venv/bin
OLD := Python 3.11 or newer is needed and $(PYTHON) is %d.%d; name another: make PYTHON=python3.12 …
define INSTALL
@command -v $(PYTHON) >/dev/null || { echo "setup: no $(PYTHON) here; install Python 3.11 or newer, or name one: make PYTHON=…" >&2; exit 1; }
@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("setup: $(OLD)" % sys.version_info[:2])'
@$(PYTHON) requirements/install.py
endef
MODEL := artifacts/$(NAME)
REGISTRY := $(CURDIR)/artifacts/.registry
# Setting up depends on nothing that the caller's shell happens to hold. Without bytecode each start of a program would
# compile hundreds of modules anew, which takes longer than all else that it does.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run train champion mlflow test soak bench scale check format observability image train-image pulumi promtool preview up refresh destroy env lock clean setup setup-data setup-registry setup-mlflow setup-dev \
  setup-infra setup-delivery push sign-image sbom licences scan audit secrets actionlint release releases verify registry-login promote pin show-report comment keep-current propose drift drift-issue bootstrap \
  pin-model report rollout rollback retrain reconcile

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-13s %s\n", $$1, $$2 }' Makefile

run: setup ## serve a model on http://127.0.0.1:8000, training iris first if there is none (HOST, PORT, NAME, WORKERS, …)
	@test -n "$$MODEL_PATH" || test -f $(MODEL)/current || $(if $(filter iris,$(NAME)),$(VENV)/python -m training, \
	  { echo "no model $(NAME): make train ARGS=\"--name $(NAME) --data FILE --target COLUMN\"" >&2; exit 1; })
	@MODEL_PATH="$${MODEL_PATH:-$(MODEL)}" exec $(VENV)/python -m app

train: setup-data ## train a model: make train ARGS="--data FILE --target COLUMN --name NAME"
	@$(VENV)/python -m training $(ARGS)

retrain: setup-registry ## train, compare and register a challenger, if anything has changed: make retrain ARGS="--data FILE …"
	@$(VENV)/python -m training retrain $(ARGS)

champion: setup-registry ## bring the champion of the registry that MLFLOW_TRACKING_URI names; without one, train the model
	@if [ -n "$$MLFLOW_TRACKING_URI" ]; then $(VENV)/python -m training fetch $(NAME); else $(VENV)/python -m training --name $(NAME) $(ARGS); fi

mlflow: setup-mlflow ## browse the registry of artifacts/ on http://127.0.0.1:5000 (PORT)
	@test -f $(REGISTRY)/mlflow.db || { echo "no registry in artifacts/ yet: make retrain, or python -m training sync" >&2; exit 1; }
	@MLFLOW_DISABLE_TELEMETRY=true exec .venv-mlflow/bin/mlflow server --host 127.0.0.1 --port $${PORT:-5000} \
	  --backend-store-uri sqlite:///$(REGISTRY)/mlflow.db --artifacts-destination $(REGISTRY)/files

test: setup-dev ## run the tests, or a part: make test TESTS=tests/app
	@$(VENV)/python -m pytest $(ARGS) $(TESTS)

soak: setup-dev ## mixed traffic against a server for MINUTES, its counts, memory and descriptors watched
	@SOAK_MINUTES=$(MINUTES) $(VENV)/python -m pytest $(ARGS) tests/app/test_soak.py

bench: setup-dev ## measure the service beside other designs and write docs/benchmarks.md (PEERS=1: and other servers)
	@$(VENV)/python -m bench $(if $(PEERS),--peers) $(if $(QUICK),--quick) $(ARGS)

scale: setup-dev ## measure trainings on 10 thousand to 10 million rows and write docs/scale.md (ARGS="--upto 1000000": 10 minutes)
	@$(VENV)/python -m bench.scale $(ARGS)

check: setup-dev ## formatting, lint, types, layers, workflows, locks
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/pyright
	$(VENV)/lint-imports
	$(VENV)/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	$(VENV)/check-jsonschema --builtin-schema vendor.github-actions .github/actions/*/action.yml
	$(VENV)/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	$(VENV)/zizmor --offline --quiet .github
	@$(MAKE) --no-print-directory actionlint secrets
	$(VENV)/python -m pytest --quiet tests/repository/test_locks.py

format: setup-dev ## format and mend what the linter can mend
	$(VENV)/ruff format .
	$(VENV)/ruff check --fix .

observability: setup-dev ## write observability/generated/: what compose's Prometheus, Alertmanager and Grafana read
	@$(VENV)/python -m observability

# The revision and time of the last commit that touched what goes into the image, so that others leave it as it was.
INPUTS := app training requirements/serve.txt requirements/data.txt requirements/kernel.txt validation Dockerfile .dockerignore
inputs = $(shell git log -1 --format=$(1) -- $(INPUTS) 2>/dev/null)
dirty = $(if $(shell git status --porcelain -- $(INPUTS) 2>/dev/null),-dirty)
BUILD = DOCKER_BUILDKIT=1 $(DOCKER) build $(DOCKER_ARGS) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) \
  --build-arg REVISION=$(call inputs,%H)$(dirty) --build-arg SOURCE_DATE_EPOCH=$(call inputs,%ct)

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
	@$(VENV)/python -m engine preview --stack $(STACK) $(if $(STAND_IN),--stand-in) $(if $(SAVE),--save $(SAVE)) $(ARGS)

up: setup-infra ## deploy a stack, refusing to lose data that REPLACE="name …" does not name: make up STACK=azure-dev
	@$(VENV)/python -m engine up --stack $(STACK) $(addprefix --replace=,$(REPLACE)) $(ARGS)

refresh: setup-infra ## compare a stack's state with what is really there (ARGS=--preview-only changes nothing)
	@$(VENV)/python -m engine refresh --stack $(STACK) $(ARGS)

destroy: setup-infra ## take a stack down; with what holds data only by ARGS=--with-data: make destroy STACK=azure-dev
	@$(VENV)/python -m engine destroy --stack $(STACK) $(ARGS)

env: ## print the variables for your own pulumi commands: eval "$$(make env)"
	@$(VENV)/python -m engine environment

LOCAL_IMAGE = $(or $(IMAGE),mlplatform-$(NAME)):$$(cat $(MODEL)/current)
DELIVERY = $(VENV)/python -m delivery
NEEDS_RELEASE = @test -n "$(RELEASE)" || { echo "$@: which release? make $@ RELEASE=…; make releases lists them" >&2; exit 2; }

push: ## push the image that `make image` built, and write its reference by digest to build/image: make push REPOSITORY=…
	@test -n "$(REPOSITORY)" || { echo "push: where to? make push REPOSITORY=registry/repository" >&2; exit 2; }
	@mkdir -p build; tag=$(REPOSITORY):$$(cat $(MODEL)/current); $(DOCKER) tag $(LOCAL_IMAGE) $$tag && $(DOCKER) push --quiet $$tag >/dev/null
	@$(DOCKER) image inspect --format '{{join .RepoDigests "\n"}}' $(LOCAL_IMAGE) | grep '^$(REPOSITORY)@' | tee build/image
	@$(if $(OUTPUT),sed 's/.*@/digest=/' build/image >> $(OUTPUT))

sign-image: ## sign the pushed image of build/image as the workflow that runs this, with cosign
	@cosign sign --yes "$$(cat build/image)"

sbom: setup-delivery ## write the bill of materials (CycloneDX) of the image's Python packages to build/sbom.cdx.json
	@$(DELIVERY) sbom --image $(LOCAL_IMAGE) --output build/sbom.cdx.json $(ARGS)

licences: sbom ## list the licence of every package in the image
	@$(DELIVERY) licences build/sbom.cdx.json $(ARGS)

scan: ## look for known vulnerabilities in the image with Trivy; the findings go to build/scan.json
	@mkdir -p build; trivy image --quiet --format json --output build/scan.json $(LOCAL_IMAGE)
	@trivy convert --quiet --format table --severity HIGH,CRITICAL build/scan.json

audit: setup-dev ## look for known vulnerabilities in the locks with pip-audit (needs the internet)
	@for lock in serve train data infra delivery; do $(VENV)/pip-audit --requirement requirements/$$lock.txt --require-hashes --disable-pip $(ARGS) || exit 1; done

# Hashes and names of secrets are everywhere here, so only detectors that know a credential's own form are asked; what
# the policy pack's own test of such forms holds is made up.
secrets: setup-dev ## look for credentials in what git tracks
	@git ls-files -z --cached --others --exclude-standard | xargs -0 $(VENV)/detect-secrets-hook \
	  --disable-plugin HexHighEntropyString --disable-plugin Base64HighEntropyString --disable-plugin KeywordDetector \
	  --exclude-files '^tests/policy/test_secret_environment\.py$$'

release: setup-delivery ## make the release of the model and the pushed image (ARGS="--key FILE" or --keyless): docs/delivery.md
	@$(DELIVERY) release --name $(NAME) --image "$$(cat build/image)" --sbom build/sbom.cdx.json --json $(ARGS) > build/release.json
	@cat build/release.json; $(if $(OUTPUT),sed -n 's/^  "id": "\(.*\)".*/id=\1/p' build/release.json >> $(OUTPUT))

releases: setup-delivery ## list the releases of a model
	@$(DELIVERY) show --name $(NAME) $(ARGS)

verify: setup-delivery ## check a release: make verify RELEASE=…
	$(NEEDS_RELEASE)
	@$(DELIVERY) verify --name $(NAME) "$(RELEASE)" $(ARGS)

# How Docker, whose logins skopeo reads, gets to know the registry on $$host in each cloud.
LOGIN_azure = az acr login --name "$${host%%.*}"
LOGIN_aws = aws ecr get-login-password | $(DOCKER) login --username AWS --password-stdin "$$host"
LOGIN_gcp = gcloud auth configure-docker --quiet "$$host"

registry-login: setup-infra ## log in to the registry of a stack, and print its repository: make registry-login STACK=aws-prod
	@eval "$$($(VENV)/python -m engine environment)" && repository=$$(pulumi stack output registry --stack $(STACK)) \
	  && host=$${repository%%/*} && { $(LOGIN_$(firstword $(subst -, ,$(STACK)))); } >&2 \
	  && echo "$$repository" $(if $(OUTPUT),&& echo "repository=$$repository" >> $(OUTPUT))

promote: setup-delivery ## copy a release's image to another registry by digest: make promote RELEASE=… REPOSITORY=…
	$(NEEDS_RELEASE)
	@$(DELIVERY) promote --name $(NAME) "$(RELEASE)" --to "$(REPOSITORY)" $(ARGS)

pin: setup-delivery ## write a release into a stack's file: make pin STACK=… RELEASE=… ARGS="--as stable"
	$(NEEDS_RELEASE)
	@$(DELIVERY) pin --name $(NAME) --stack $(STACK) "$(RELEASE)" $(ARGS)

pin-model: setup-delivery ## write the current model's version into the files of stacks: make pin-model STACK="… …"
	@for stack in $(STACK); do $(DELIVERY) pin-model --name $(NAME) --stack $$stack --version "$$(cat $(MODEL)/current)" || exit; done

report: setup-delivery ## say what a change brings, in Markdown: make report ARGS="--before … --after … --preview FILE"
	@$(DELIVERY) report $(ARGS)

show-report: ## show build/report.md, in a run of GitHub's also in its summary
	@cat build/report.md | tee -a "$${GITHUB_STEP_SUMMARY:-/dev/null}"

comment: ## put build/report.md into a pull request's comment, the same one every time (needs gh): make comment PULL_REQUEST=…
	@gh pr comment "$(PULL_REQUEST)" --edit-last --create-if-none --body-file build/report.md

keep-current: ## copy the current model to build/before, to compare another one with it
	@rm -rf build/before && mkdir -p build && cp -R "$(MODEL)/$$(cat $(MODEL)/current)" build/before

propose: ## open a pull request with the stacks' files that have changed, described by build/report.md (needs gh): make propose TITLE=…
	@if git diff --quiet -- 'Pulumi.*.yaml'; then echo "propose: no stack's file has changed"; else \
	  branch=proposed-$$(date -u +%Y%m%d-%H%M%S)-$$$$ && git switch --quiet --create $$branch \
	  && git commit --quiet --message "$(TITLE)" -- 'Pulumi.*.yaml' && gh auth setup-git \
	  && git push --quiet origin $$branch && gh pr create --title "$(TITLE)" --head $$branch \
	    $(if $(wildcard build/report.md),--body-file build/report.md,--body "What the stack serves (docs/delivery.md)."); fi

drift: setup-infra ## fail if a stack is not what its state says, and keep the differences in build/drift.txt
	@mkdir -p build; $(VENV)/python -m engine refresh --stack $(STACK) --preview-only --expect-no-changes $(ARGS) > build/drift.txt 2>&1; \
	  status=$$?; cat build/drift.txt; exit $$status

drift-issue: ## tell of build/drift.txt in the open issue on the stack's drift, or in a new one (needs gh)
	@{ echo "make drift STACK=$(STACK) failed (docs/delivery.md, Drift):"; echo; head -c 60000 build/drift.txt | sed 's/^/    /'; } > build/drift.md
	@number=$$(gh issue list --state open --search 'in:title "Drift of $(STACK)"' --json number --jq '.[0].number // empty') && \
	  if [ -n "$$number" ]; then gh issue comment "$$number" --body-file build/drift.md; \
	  else gh issue create --title "Drift of $(STACK)" --body-file build/drift.md; fi

rollout: setup-infra setup-delivery ## take a stack to a release step by step, watched, and back if it does harm: make rollout STACK=… RELEASE=…
	$(NEEDS_RELEASE)
	@$(DELIVERY) rollout --name $(NAME) --stack $(STACK) "$(RELEASE)" $(if $(REPOSITORY),--repository "$(REPOSITORY)") $(ARGS)

rollback: setup-infra setup-delivery ## take a candidate's traffic, or without one go back to the release before: make rollback STACK=…
	@$(DELIVERY) rollback --stack $(STACK) $(ARGS)

bootstrap: setup-infra ## make the identities of the workflows in a cloud (docs/bootstrap.md): make bootstrap STACK=aws
	@eval "$$($(VENV)/python -m engine environment)" && cd stacks/bootstrap && PYTHONPATH="$(CURDIR)" pulumi up --stack $(STACK) $(ARGS)

reconcile: setup-infra ## bring a stack back to what its file in git says, drift repaired: make reconcile STACK=…
	@$(VENV)/python -m engine up --stack $(STACK) --yes --refresh $(ARGS)

actionlint: setup-dev ## check the workflows with actionlint, which Go builds once
	@$(VENV)/python -m engine actionlint .github/workflows/*.yml

PIN = $(VENV)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
  --no-emit-index-url --no-emit-find-links
COMPILE = $(PIN) pyproject.toml
lock: setup-dev ## bring requirements/ up to pyproject.toml (ARGS=--upgrade for newer versions)
	$(COMPILE) --all-extras --group dev --no-emit-package mlplatform $(ARGS) --output-file requirements/dev.txt
	$(COMPILE) --extra serve --constraints requirements/dev.txt $(ARGS) --output-file requirements/serve.txt
	$(COMPILE) --extra trace --constraints requirements/dev.txt $(ARGS) --output-file requirements/trace.txt
	$(COMPILE) --extra grpc --constraints requirements/dev.txt $(ARGS) --output-file requirements/grpc.txt
	$(COMPILE) --extra train --constraints requirements/dev.txt $(ARGS) --output-file requirements/train.txt
	$(COMPILE) --extra data --constraints requirements/dev.txt $(ARGS) --output-file requirements/data.txt
	$(COMPILE) --extra registry --constraints requirements/dev.txt $(ARGS) --output-file requirements/registry.txt
	$(COMPILE) --extra ray --constraints requirements/dev.txt $(ARGS) --output-file requirements/ray.txt
	$(COMPILE) --extra kernel --constraints requirements/dev.txt $(ARGS) --output-file requirements/kernel.txt
	$(COMPILE) --extra azure --extra aws --extra gcp --extra local --constraints requirements/dev.txt $(ARGS) --output-file requirements/infra.txt
	$(COMPILE) --extra delivery --constraints requirements/dev.txt $(ARGS) --output-file requirements/delivery.txt
	$(PIN) --group mlflow $(ARGS) --output-file requirements/mlflow.txt

clean: ## remove what can be made again (.venv, build/, caches), never artifacts/
	rm -rf .venv .venv-mlflow build dist .pytest_cache .ruff_cache .hypothesis .import_linter_cache *.egg-info
	rm -f app/kernel/trees.so
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Without a compiler it says so in a line, and ONNX Runtime predicts.
KERNEL = @$(VENV)/python -m app.kernel.build || true

setup:
	$(INSTALL) serve train
	$(KERNEL)

# What a team's own data needs besides: databases and Great Expectations.
setup-data:
	$(INSTALL) serve $(if $(RAY_ADDRESS),ray,train data)
	$(KERNEL)

setup-dev:
	$(INSTALL) dev
	$(KERNEL)

setup-registry:
	$(INSTALL) serve $(if $(RAY_ADDRESS),ray,registry)
	$(KERNEL)

setup-mlflow: ## put an MLflow server into .venv-mlflow
	@SETUP_INTO=.venv-mlflow $(PYTHON) requirements/install.py mlflow

# About 1 GB; `make run` never needs it.
setup-delivery: ## put the packages of delivery into .venv
	$(INSTALL) infra delivery

setup-infra: ## put the packages of the Pulumi programs into .venv
	$(INSTALL) infra
