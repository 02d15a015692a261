# taskfs: see README.md for use, doc/HACKING.md for work on it.
#
#   make            the three programs, in build/
#   make start      set-up, build, controller, engines, mount   MNT= N= NAME=
#   make test       set-up, build, every test                   SAN=address,undefined
#   make help       every target

VERSION := 0.1.0
CC      ?= gcc
SAN     ?=
DESTDIR ?=
PREFIX  ?= /usr/local

comma := ,
BUILD ?= build$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(filter clang,$(CC)),/clang)

PKGS   := libzmq json-c libsodium
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
          -Wmissing-prototypes -Wvla -Wformat=2 -Werror
OPT    ?= -O2 -g
CFLAGS += -std=c11 -D_GNU_SOURCE -DTASKFS_VERSION='"$(VERSION)"' $(OPT) \
          $(WARN) -Ilib -fno-strict-aliasing -fstack-protector-strong
ifneq ($(SAN),)
CFLAGS  += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
else
CFLAGS  += -D_FORTIFY_SOURCE=2
endif

PROGRAMS := taskfs taskfs-controller taskfs-engine
room_taskfs            := fs
room_taskfs-controller := controller
room_taskfs-engine     := engine
pkgs_taskfs            := fuse3
pkgs_taskfs-controller := sqlite3

lib_src := $(wildcard lib/base/*.c lib/wire/*.c)
lib_obj := $(lib_src:%.c=$(BUILD)/obj/%.o)
LIB     := $(BUILD)/libtaskfs.a

all: $(PROGRAMS:%=$(BUILD)/%)

# pkg-config is asked only when something is compiled: `make help`, `make
# setup` and `make clean` must work before anything is installed.
pkg_cflags = $(shell pkg-config --cflags $(PKGS) fuse3 sqlite3)
pkg_libs   = $(shell pkg-config --libs $(PKGS) $(pkgs_$(1)))

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(pkg_cflags) -MMD -MP -c -o $@ $<

$(LIB): $(lib_obj)
	@rm -f $@
	$(AR) rcs $@ $^

define program
$(BUILD)/$(1): $$(patsubst %.c,$(BUILD)/obj/%.o,$$(wildcard $(room_$(1))/*.c)) $(LIB)
	$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$(1)) -lpthread -lm
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

.PHONY: all
