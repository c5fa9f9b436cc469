# SPDX-License-Identifier: GPL-2.0-only
#
# "make help" lists what there is. Everything made goes below build/.

KVER ?= 6.1
BUILD := $(CURDIR)/build

# All processors, unless the caller says otherwise.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

# Sources of other stages that may not be there in every tree.
have = $(wildcard $(1))

all: module tools selftests

help:
	@echo 'make                the module, the tools and the tests; warnings are errors'
	@echo 'make demo           set up, boot the VM, show connections at work and a SYN flood held off'
	@echo 'make check          set up, unit tests, quick lint, all selftests in the VM'
	@echo 'make check-full     the same and more, also on the debug kernel'
	@echo 'make check-control  the api and wire tests against the kernel'"'"'s own TCP'
	@echo 'make t T=wire/NAME  build and run one test in the VM'
	@echo 'make vm             a shell in the VM'
	@echo 'make bench          the cost of a SYN beside the kernel'"'"'s TCP'
	@echo 'make lint           every checker; OK, SKIP or FAIL for each'
	@echo 'make fuzz           fuzz the protocol core in user space'
	@echo 'make cov            coverage of the core by its unit tests'
	@echo 'make clean          remove build/'
	@echo
	@echo 'KVER=6.1|6.12|7|debug chooses the kernel to build for and to boot ($(KVER)).'

# Kbuild writes beside the sources it reads, so it is given a tree of links. One at
# a time: two builds of one tree would write the same objects.
module:
	@mkdir -p $(BUILD)
	@flock $(BUILD)/.lock scripts/build-module $(KVER)

tools:
	@$(if $(call have,tools/Makefile),$(MAKE) -s --no-print-directory -C tools O=$(BUILD)/tools)

# The harness the tests include comes from the distribution's kernel source.
selftests:
	@mkdir -p $(BUILD)/selftests
	@flock $(BUILD)/selftests/.lock $(MAKE) $(jobs) -s --no-print-directory -C selftests runner \
		OUTPUT=$(BUILD)/selftests INSTALL_PATH=$(BUILD)/selftests/install \
		KSFT_SRC=$$(scripts/ksft-src)

unit:
	@$(if $(call have,selftests/unit/Makefile),$(MAKE) --no-print-directory -C selftests/unit check \
		OUTPUT=$(BUILD)/unit)

check check-full check-control:
	@scripts/check $@

t:
	@scripts/check one $(T)

vm: module tools
	@scripts/vm --kernel $(KVER)

demo:
	@scripts/demo

bench:
	@scripts/bench

lint:
	@scripts/setup
	@scripts/lint

fuzz:
	@$(MAKE) --no-print-directory -C selftests/fuzz OUTPUT=$(BUILD)/fuzz

cov:
	@scripts/coverage

clean:
	rm -rf $(BUILD)

.PHONY: all help module tools selftests unit check check-full check-control t vm demo bench \
	lint fuzz cov clean
