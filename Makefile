# SPDX-License-Identifier: Apache-2.0
# `make` alone lists what can be done. Every target sets up what it needs first, once.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
BIN := .venv/bin
BUNDLE ?= models/telecom-churn/1.0.0
DATA ?= .countersign
PORT ?= 8080
AUDIT_PORT ?= 8081
METRICS_PORT ?= 9464

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"

# The tests run in as many processes as there are cores, up to this; one alone is for finding out who disturbs whom.
PROCESSES ?= 4

# For instance BENCH=--quick.
BENCH ?=

.PHONY: help demo up setup test cluster-test bench images check format lint types imports docs reference policy promote values-from-stack workflows tools lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-17s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## serve, predict, prove, withhold and detect a tamper, all in under a minute
	@$(PYTHON) scripts/environment.py demo
	@$(BIN)/countersign demo

up: ## serve BUNDLE with its log in DATA until Ctrl-C
	@$(PYTHON) scripts/environment.py demo
	@$(BIN)/countersign up --bundle $(BUNDLE) --data $(DATA) \
		--port $(PORT) --audit-port $(AUDIT_PORT) --metrics-port $(METRICS_PORT)

setup: ## install everything that development needs into .venv
	@$(PYTHON) scripts/environment.py dev

test: setup ## run every test this machine can run
	$(BIN)/python -m pytest -n logical --maxprocesses $(PROCESSES)

cluster-test: setup ## chart and GitOps objects on a real control plane with real Argo CD; needs root and make tools
	$(BIN)/python -m pytest -m cluster tests/cluster

bench: setup ## measure service and sidecar beside their peers; tables and plot into bench/results
	@$(BIN)/python -m bench $(BENCH)

# Whatever builds images here: buildah, podman or docker.
BUILDER ?= $(firstword $(foreach name,buildah podman docker,$(if $(shell command -v $(name)),$(name))))
PYTHON_IMAGE ?=
TAG ?= local

images: ## build the two images on PYTHON_IMAGE (a slim Python, by digest), the service's with BUNDLE in it
	@case "$(PYTHON_IMAGE)" in *@sha256:*) ;; *) echo "images: name a slim Python by digest: PYTHON_IMAGE=…@sha256:…" >&2; exit 1;; esac
	@if [ -z "$(BUILDER)" ]; then echo "images: none of buildah, podman and docker is installed" >&2; exit 1; fi
	for target in sidecar service; do \
		$(BUILDER) build --target $$target --tag countersign-$$target:$(TAG) --build-arg PYTHON_IMAGE=$(PYTHON_IMAGE) \
			--build-arg BUNDLE=$(BUNDLE) --build-arg REVISION=$$(git rev-parse HEAD) \
			$(if $(filter docker,$(BUILDER)),,--format docker --timestamp 0) .; \
	done

check: lint types imports docs workflows ## everything that can be said about the code without running it

format: setup ## rewrite the code in the formatter's style
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

lint: setup ## formatter and linter, changing nothing
	$(BIN)/ruff format --check
	$(BIN)/ruff check

types: setup ## mypy, strict, tests included; basedpyright where the provider's types are
	$(BIN)/mypy
	$(BIN)/basedpyright --level error --pythonpath $(BIN)/python infra_pulumi

imports: setup ## which package may import which
	$(BIN)/lint-imports

docs: setup ## documents against the tree, and the style rules no linter knows
	$(BIN)/python -m pytest -q tests/docs tests/style
	$(BIN)/python -m scripts.reference --check
	$(BIN)/python -m scripts.dashboards --check

reference: setup ## write docs/reference anew from what runs, and the dashboards
	$(BIN)/python -m scripts.reference
	$(BIN)/python -m scripts.dashboards

policy: setup ## the gate over our own models, cloud, repository, GitOps objects, chart and environments, as of today
	$(BIN)/countersign check --target infra --target repository --target argocd=gitops/argocd
	HELM="$$($(PYTHON) scripts/tools.py path helm)" $(BIN)/countersign check models/telco-watson/1.0.0 \
		--target manifests=charts/countersign:charts/countersign/ci/whole-values.yaml
	for environment in staging prod; do \
		HELM="$$($(PYTHON) scripts/tools.py path helm)" $(BIN)/countersign promote "$$environment" --check; \
	done

# ENV names the environment; KEY signs. The key that stands here is published, and only the examples trust it.
ENV ?=
KEY ?= environments/demonstration-keys/gate.pem

promote: setup ## render, judge and sign what environments/ENV.yaml names into environments/ENV
	@$(PYTHON) scripts/tools.py path helm > /dev/null 2>&1 || $(PYTHON) scripts/tools.py build helm
	@HELM="$$($(PYTHON) scripts/tools.py path helm)" $(BIN)/countersign promote "$(ENV)" --key "$(KEY)"

values-from-stack: ## values of the chart from what STACK has in the cloud, to standard output (needs pulumi)
	@$(PYTHON) scripts/environment.py dev >&2
	@$(BIN)/python -m scripts.values_from_stack "$(STACK)"

workflows: ## lint the GitHub workflows, where `make tools` has been run
	@if actionlint=$$($(PYTHON) scripts/tools.py path actionlint); then "$$actionlint" -shellcheck= -pyflakes=; \
	elif [ -n "$${COUNTERSIGN_REQUIRE_TOOLS:-}" ]; then exit 1; else echo "workflows: skipped"; fi

tools: ## build the outside tools that tests and checks use (needs Go, Node and apt for what uses them)
	@$(PYTHON) scripts/tools.py build

lock: setup ## resolve requirements/*.txt anew; pins that still fit stay
	$(LOCK) pyproject.toml --extra dev --group build -o requirements/dev.txt
	$(LOCK) --group bootstrap -o requirements/bootstrap.txt
	$(LOCK) pyproject.toml --no-annotate -c requirements/dev.txt --group build -o requirements/build.txt
	$(LOCK) pyproject.toml --no-annotate -c requirements/dev.txt -o requirements/demo.txt \
		--extra service --extra sidecar --extra verify --group build
	for purpose in service sidecar postgresql aws verify verdict training gate infra; do \
		$(LOCK) pyproject.toml --no-annotate -c requirements/dev.txt -o requirements/$$purpose.txt --extra $$purpose; \
	done
	for peer in seed kserve mlserver checkov; do \
		$(LOCK) --no-annotate bench/requirements/$$peer.in -o bench/requirements/$$peer.txt; \
	done
