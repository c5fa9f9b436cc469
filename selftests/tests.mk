# SPDX-License-Identifier: GPL-2.0-only
#
# What every directory of tests shares: a file dropped into it is a test.
#
#   NAME.c          a test program, linked with what it needs of ../lib
#   helper_NAME.c   a program for the tests of this directory; not run by itself
#   NAME.sh NAME.py executable: a test; not executable: a file tests read
#
# KSFT_SRC is tools/testing/selftests of a kernel source; in a kernel tree that is
# where this directory lies, and the stock Makefile builds it unchanged.

KSFT_SRC ?= ../..
ifeq ($(wildcard $(KSFT_SRC)/lib.mk),)
$(error no lib.mk in KSFT_SRC=$(KSFT_SRC): build with "make" in the checkout)
endif

# lib.mk appends to PATH-less names; OUTPUT must exist before its first target.
OUTPUT ?= $(CURDIR)
$(shell mkdir -p $(OUTPUT))

scripts := $(wildcard *.sh *.py)
runnable := $(shell for file in $(scripts); do [ -x $$file ] && echo $$file; done)

TEST_PROGS := $(runnable)
TEST_FILES := $(filter-out $(runnable),$(scripts)) $(wildcard *.pcap *.txt)
TEST_GEN_PROGS := $(patsubst %.c,%,$(filter-out helper_%,$(wildcard *.c)))
TEST_GEN_PROGS_EXTENDED := $(patsubst %.c,%,$(wildcard helper_*.c))

CFLAGS += -std=gnu11 -O2 -g -Wall -Wextra -Werror -Wno-unused-parameter \
	-Wno-sign-compare -Wno-missing-field-initializers
CFLAGS += -I../lib $(addprefix -I,$(wildcard ../../module/uapi))
CFLAGS += $(KHDR_INCLUDES)
LDLIBS += -lpthread
LOCAL_HDRS += $(wildcard *.h ../lib/*.h ../../module/uapi/linux/*.h)

include $(KSFT_SRC)/lib.mk

CFLAGS += -I$(selfdir)

# The objects of ../lib as an archive, so that a program takes only what it uses; one
# for all directories.
lib_dir := $(abspath $(OUTPUT)/..)/lib
lib_objects := $(patsubst ../lib/%.c,$(lib_dir)/%.o,$(wildcard ../lib/*.c))

ifneq ($(lib_objects),)
$(TEST_GEN_PROGS) $(TEST_GEN_PROGS_EXTENDED): $(lib_dir)/lib.a

$(lib_dir)/lib.a: $(lib_objects)
	rm -f $@
	$(AR) rcs $@ $^

$(lib_dir)/%.o: ../lib/%.c $(LOCAL_HDRS)
	mkdir -p $(@D)
	$(CC) $(CFLAGS) $(CPPFLAGS) -c $< -o $@
endif

EXTRA_CLEAN += $(lib_objects) $(wildcard $(lib_dir)/lib.a)
