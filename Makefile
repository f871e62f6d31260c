# unilab: `make demo` runs the study on this machine, `make test` runs every test; `make help` lists all.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

STUDY ?= studies/demo.yml
INVENTORY ?= inventories/server
OSV_LOADER ?=
CAMPAIGN ?=
RELEASE ?= bookworm

VENV := .venv
BIN := $(VENV)/bin
PLAY = $(BIN)/ansible-playbook -i '$(INVENTORY)' -e "study='$(STUDY)'" \
	$(if $(OSV_LOADER),-e "osv_loader='$(OSV_LOADER)'") $(if $(CAMPAIGN),-e "campaign='$(CAMPAIGN)'")

# What is installed from Debian or Ubuntu, by what it is for.
PACKAGES := \
	mmdebstrap debian-archive-keyring dpkg-dev e2fsprogs \
	systemd-container iproute2 netcat-openbsd openssh-client util-linux \
	qemu-system-x86 qemu-utils squashfs-tools syslinux syslinux-common mtools lz4 \
	ca-certificates python3 python3-venv gcc libc6-dev make git
# Compilers, unless the machine has its own.
PACKAGES += $(if $(shell command -v go),,golang-go)
PACKAGES += $(if $(shell command -v jlink),,openjdk-17-jdk-headless)
PACKAGES += $(if $(shell command -v mvn),,maven)

.PHONY: mutants osv-lock help setup demo test test-xen lint unit integration molecule test-newest clean distclean docs lock

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: .cache/packages.stamp .cache/venv.stamp .cache/collections.stamp .cache/wheels.stamp ## install all that unilab needs

demo: setup ## run studies/demo.yml on this machine as root, and print the path of the report
	ANSIBLE_DISPLAY_OK_HOSTS=false ANSIBLE_DISPLAY_SKIPPED_HOSTS=false $(PLAY) site.yml

test: lint ## every test: lint, then unit, contract, the whole laboratory, and each role by molecule
	$(BIN)/pytest

lint: setup ## style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	ANSIBLE_INVENTORY=inventories/local/hosts.yml PATH="$(CURDIR)/$(BIN):$$PATH" \
		$(BIN)/ansible-lint --offline -q --profile production
	$(BIN)/python tools/validate_modules.py

unit: setup ## tests that need nothing but Python
	$(BIN)/pytest tests/unit

integration: setup ## tests with compilers, machines and guests
	$(BIN)/pytest tests/integration

molecule: setup ## each role on machines of its own; of Debian 13 with RELEASE=trixie
	UNILAB_RELEASE=$(RELEASE) UNILAB_LAB=.lab$(if $(filter-out bookworm,$(RELEASE)),/$(RELEASE)) $(BIN)/pytest tests/roles

test-newest: setup ## lint and unit tests with Python 3.13 and the newest ansible-core, in a container of Debian 13
	$(BIN)/python -m tools.debian13 make -o setup lint unit VENV=/opt/venv

test-xen: setup ## one guest through the boot path of Debian's Xen, in QEMU; no part of `test` (docs/nested_xen.md)
	$(BIN)/python -m tests.xen $(if $(OSV_LOADER),--osv-loader $(abspath $(OSV_LOADER)))

mutants: setup ## how many random changes of the code the unit tests notice; 40 minutes, no part of `test` (docs/mutation.md)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/mutants.txt
	nice -n 19 $(BIN)/python -m tools.mutants

clean: LAB_STATE := stopped
clean: stop-lab ## end every process and remove every namespace that the laboratory made

distclean: LAB_STATE := absent
distclean: stop-lab ## the same, and remove every file that was made, but for results
	rm -rf --one-file-system .cache .collections $(VENV) unilab.egg-info services/*/*/build

.PHONY: stop-lab
stop-lab:
	@if [ -d .lab ] && [ -x $(BIN)/ansible-playbook ]; then \
		[ ! -d .lab/machines/server ] || $(BIN)/ansible-playbook -i inventories/server playbooks/local_lab.yml -e local_lab_state=stopped; \
		$(BIN)/ansible-playbook -i inventories/xapi_double playbooks/local_lab.yml -e local_lab_state=$(LAB_STATE); \
	fi

docs: setup ## write the README of each role from its meta and defaults
	$(BIN)/python tools/role_docs.py

osv-lock: setup ## pin the kernel of OSv that was downloaded, once a maintainer has verified it
	@$(BIN)/python tools/osv_lock.py requirements/osv.json results/osv.lock.json

lock: ## write the locks of Python's packages again
	$(BIN)/pip-compile $(LOCK) --extra dev --extra load --output-file requirements/controller.txt pyproject.toml
	$(BIN)/pip-compile $(LOCK) --output-file requirements/load.txt requirements/load.in
	$(BIN)/pip-compile $(LOCK) --extra mutants --constraint requirements/controller.txt --output-file requirements/mutants.txt pyproject.toml
LOCK := --quiet --generate-hashes --allow-unsafe --strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-header

.cache/packages.stamp: Makefile
	@mkdir -p .cache
	@missing=$$({ dpkg-query --show --showformat='$${Status} $${Package}\n' $(PACKAGES) 2>/dev/null || true; } \
		| sed -n 's/^install ok installed //p' | sort | comm -13 - <(printf '%s\n' $(PACKAGES) | sort) | xargs); \
	if [ -n "$$missing" ] && [ "$$(id -u)" != 0 ]; then \
		echo "These packages are missing, and only root may install them: $$missing. Remedy: sudo make setup." >&2; exit 1; \
	fi; \
	if [ -n "$$missing" ]; then \
		echo "Installing $$missing"; \
		apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $$missing >/dev/null; \
	fi
	@touch $@

.cache/venv.stamp: requirements/controller.txt pyproject.toml .cache/packages.stamp
	@echo "Installing Python packages (a minute)"
	@test -x $(BIN)/python || python3 -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements/controller.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . \
		>.cache/editable.log 2>&1 || { cat .cache/editable.log >&2; exit 1; }
	@touch $@

# From Galaxy where it answers; else the same collections out of the community bundle on PyPI.
.cache/collections.stamp: requirements.yml tools/install_collections.py .cache/venv.stamp
	@$(BIN)/python tools/install_collections.py requirements.yml .collections
	@touch $@

# Locust for the laboratory's client. The role load_client fetches the wheels of other clients when it meets them.
.cache/wheels.stamp: requirements/load.txt tools/wheels.py .cache/venv.stamp
	@echo "Fetching Locust for the client"
	@$(BIN)/python tools/wheels.py 3.11 x86_64 requirements/load.txt .cache/wheels >/dev/null
	@touch $@
