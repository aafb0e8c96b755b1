# The commands of the project; each is a script of tools/ or one line of CMake.

JOBS ?= $(shell nproc)
export JOBS

.PHONY: help packages packages-slurm build test quickstart check-sanitize interop bench format tidy clean

help:
	@echo 'make packages        install the Debian packages that are missing'
	@echo 'make packages-slurm  those of the tests of Slurm and of two hosts'
	@echo 'make build           build build/release/cli/tutti'
	@echo 'make test            clean release build, all functional tests'
	@echo 'make quickstart      tokenizer, data, training, text and export, in minutes'
	@echo 'make check-sanitize  address, undefined-behaviour and thread sanitizers; fuzz smoke'
	@echo 'make interop         compare with other implementations'
	@echo 'make bench           build the benchmarks and run each of them once, briefly'
	@echo 'make format          clang-format every source'
	@echo 'make tidy            layout and style'
	@echo 'make clean           remove build/'

packages:
	@tools/install_packages

packages-slurm:
	@tools/install_packages tools/packages_slurm

# What `build` makes for itself, and what it makes for those that need it.
TARGETS := tutti
build:
	cmake --preset release
	cmake --build build/release -j $(JOBS) --target $(TARGETS)

test: packages
	tools/test

quickstart: packages build
	tools/quickstart

check-sanitize: packages
	tools/check_sanitize

interop: TARGETS = tutti reference_step model_logits
interop: packages build
	tools/interop

bench: TARGETS = benches
bench: packages build
	ctest --test-dir build/release -L bench --output-on-failure --no-tests=error

format:
	git ls-files '*.cc' '*.h' | xargs clang-format -i

tidy:
	tools/with_python tools/tidy.py

clean:
	rm -rf build
