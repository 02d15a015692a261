# taskfs: see README.md for use, doc/HACKING.md for work on it.
#
#   make            the three programs, in build/
#   make start      set-up, build, controller, engines, mount   MNT= N= SLOTS= NAME=
#   make test       set-up, build, the tests of somebody new to it
#   make check      every test
#   make help       every target

VERSION := 0.1.0
CC      ?= gcc
SAN     ?=
DESTDIR ?=
PREFIX  ?= /usr/local

# make's own CC is cc: say which compiler it really is.
ifeq ($(origin CC),default)
CC := gcc
endif

# What `make start` starts.
MNT  ?= ./mnt
NAME ?= default

comma := ,
# Steps are counted: see tests/bench/bench_controller_growth.c.
STEPS ?=
BUILD ?= build$(if $(STEPS),/steps)$(if $(SAN),/$(subst $(comma),-,$(SAN)))$(if $(filter clang,$(CC)),/clang)

PKGS   := libzmq json-c libsodium
# Nobody is held up by what a newer compiler warns of; `make lint` sets -Werror.
WERROR ?=
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes \
          -Wmissing-prototypes -Wvla -Wformat=2 $(WERROR)
OPT    ?= $(if $(SAN),-O1 -g1,-O2 -g)
CFLAGS += $(CPPFLAGS) -std=c11 -D_GNU_SOURCE -DTASKFS_VERSION='"$(VERSION)"' $(OPT) \
          $(WARN) -Ilib -Ibuild/gen -fno-strict-aliasing -fstack-protector-strong
ifneq ($(SAN),)
CFLAGS  += -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
LDFLAGS += -fsanitize=$(SAN)
else
# A distribution has a level of its own.
CFLAGS  += $(if $(findstring -D_FORTIFY_SOURCE,$(CPPFLAGS)),,-D_FORTIFY_SOURCE=2)
endif

ifneq ($(STEPS),)
CFLAGS += -fsanitize-coverage=trace-pc
endif

PROGRAMS := taskfs taskfs-controller taskfs-engine
room_taskfs            := fs
room_taskfs-controller := controller
room_taskfs-engine     := engine
pkgs_taskfs            := fuse3
pkgs_taskfs-controller := sqlite3

lib_src := $(wildcard lib/base/*.c lib/wire/*.c lib/ssh/*.c)
lib_obj := $(lib_src:%.c=$(BUILD)/obj/%.o)
LIB     := $(BUILD)/libtaskfs.a

all: $(PROGRAMS:%=$(BUILD)/%)
	@:

# V=1 shows the commands.
V   ?=
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))

# pkg-config is asked once, and only when something is compiled: `make help`,
# `make setup` and `make clean` must work before anything is installed.
pkg_cflags = $(eval pkg_cflags := $(shell pkg-config --cflags $(PKGS) fuse3 sqlite3))$(pkg_cflags)
pkg_libs   = $(shell pkg-config --libs $(PKGS) $(pkgs_$(1)))

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(pkg_cflags) -MMD -MP -c -o $@ $<

$(LIB): $(lib_obj)
	$(call say,AR,$@)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

# The Python that the controller carries, as numbers.
GENERATED := build/gen/controller/hook.inc
$(GENERATED): controller/ipython/hook.py controller/ipython/hook_vars.py
	@mkdir -p $(@D)
	@cat $^ | od -An -v -tu1 | sed 's/[0-9][0-9]*/&,/g' > $@.new
	@mv $@.new $@
$(BUILD)/obj/controller/ipython/hook.o: $(GENERATED)

# The objects of one program; $(1): its name. Its files name a header of another
# room of it as "room/file.h".
room_src = $(if $(1),$(wildcard $(room_$(1))/*.c $(room_$(1))/*/*.c))
room_obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(call room_src,$(1)))

define program
$(BUILD)/obj/$(room_$(1))/%.o \
$(BUILD)/obj/tests/unit/test_$(room_$(1))_%.o \
$(BUILD)/obj/tests/unit/fake_$(room_$(1)).o \
$(BUILD)/obj/tests/bench/bench_$(room_$(1))_%.o \
$(BUILD)/obj/tests/fuzz/fuzz_$(room_$(1))_%.o: CFLAGS += -iquote $(room_$(1))
$(BUILD)/$(1): $$(call room_obj,$(1)) $(LIB)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ $$(call pkg_libs,$(1)) -lpthread -lm
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

# --- unit tests: one program per tests/unit/test_X.c -------------------------
# test_fs_X, test_controller_X and test_engine_X are linked with everything of
# their room but its main.c, and with fake_ROOM.c if there is one; all others with
# the library alone.

unit_src  := $(wildcard tests/unit/test_*.c)
UNIT      := $(unit_src:%.c=$(BUILD)/%)
unit_help := $(BUILD)/obj/tests/unit/unit.o
owner     = $(strip $(foreach p,$(PROGRAMS),$(if $(filter $(foreach k,test fuzz bench,$(k)_$(room_$(p))_%),$(1)),$(p))))
fake      = $(patsubst %.c,$(BUILD)/obj/%.o,$(if $(1),$(wildcard tests/unit/fake_$(room_$(1)).c)))
# What a test of a program is linked with: all of it but its main().
but_main  = $(filter-out $(BUILD)/obj/$(room_$(1))/main.o,$(call room_obj,$(1)))

define unit
$(BUILD)/tests/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(unit_help) \
		$(call fake,$(call owner,$(1))) $$(call but_main,$(call owner,$(1))) $(LIB)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ \
		$$(call pkg_libs,$(call owner,$(1))) -lcmocka -lpthread -lm
endef
$(foreach t,$(notdir $(unit_src:%.c=%)),$(eval $(call unit,$(t))))
$(BUILD)/obj/tests/unit/%.o: CFLAGS += -I. -DSOURCE_DIR='"$(CURDIR)"'

# --- helper programs of the tests, the benchmarks and the documentation ------

TOOLS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/e2e/*.c) tests/count/syscalls.c \
	tests/bench/measure.c)
bench_src := $(wildcard tests/bench/*.c)
# bench_controller_X is linked as a unit test of the controller is.
BENCH_OF  := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))
BENCH     := $(filter-out $(BENCH_OF) $(TOOLS),$(bench_src:%.c=$(BUILD)/%))
GEN   := $(BUILD)/scripts/protocol-doc

$(BUILD)/obj/tests/e2e/draw.o: CFLAGS += -iquote fs
$(BUILD)/tests/e2e/draw: $(patsubst %,$(BUILD)/obj/fs/drawing/%.o,timeline plan dense markup)
$(TOOLS) $(BENCH) $(GEN): $(BUILD)/%: $(BUILD)/obj/%.o $(LIB)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIB) $(call pkg_libs,taskfs) -lpthread -lm

define bench_of
$(BUILD)/tests/bench/$(1): $(BUILD)/obj/tests/bench/$(1).o $(unit_help) \
		$(call fake,$(call owner,$(1))) $$(call but_main,$(call owner,$(1))) $(LIB)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@ $$^ \
		$$(call pkg_libs,$(call owner,$(1))) -lcmocka -lpthread -lm
endef
$(foreach t,$(notdir $(BENCH_OF)),$(eval $(call bench_of,$(t))))
# What counts steps takes none.
$(BUILD)/obj/tests/bench/bench_%.o: CFLAGS := $(filter-out -fsanitize-coverage=%,$(CFLAGS)) -I.

# The names of system calls, as the C library has them.
SYSCALLS := build/gen/syscall_names.inc
$(SYSCALLS):
	@mkdir -p $(@D)
	@echo '#include <sys/syscall.h>' | $(CC) -E -dM - | \
		sed -n 's/^#define __NR_\([a-z0-9_]*\) .*/{__NR_\1, "\1"},/p' > $@.new
	@mv $@.new $@
$(BUILD)/obj/tests/count/syscalls.o: $(SYSCALLS)

# Preloaded into what runs: a disk that is slow (tests/slow), a clock that somebody
# sets (tests/e2e/clock.bats, tests/wire/test_clock.py), what it allocates
# (tests/count), a disk that fails (tests/wire/test_faults.py).
PRELOADED := $(BUILD)/tests/slow/slowdisk.so $(BUILD)/tests/clock/setclock.so \
	$(BUILD)/tests/count/allocations.so $(BUILD)/tests/faults/failcall.so
$(PRELOADED): $(BUILD)/%.so: %.c Makefile
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(CC) $(filter-out -fsanitize=%,$(CFLAGS)) -shared -fPIC -o $@ $< -ldl

tests: all $(UNIT) $(TOOLS) $(PRELOADED)
	@:

# --- fuzzers: one program per tests/fuzz/fuzz_X.c -----------------------------
# libFuzzer is clang's, so these and the code they reach are built by it, with
# the sanitizers, in a directory of their own. fuzz_fs_X and so on are linked like
# the unit tests.

FUZZ_SAN  := fuzzer-no-link,address,undefined
FUZZ_ARGS := CC=clang SAN=$(FUZZ_SAN) BUILD=build/fuzz
fuzz_src  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ      := $(fuzz_src:%.c=$(BUILD)/%)

define fuzzer
$(BUILD)/tests/fuzz/$(1): $(BUILD)/obj/tests/fuzz/$(1).o \
		$$(call but_main,$(call owner,$(1))) $(LIB)
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ \
		$$(call pkg_libs,$(call owner,$(1))) -lpthread -lm
endef
$(foreach t,$(notdir $(fuzz_src:%.c=%)),$(eval $(call fuzzer,$(t))))
$(BUILD)/obj/tests/fuzz/%.o: CFLAGS += -I.

fuzzers: $(FUZZ)
	@:

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# --- for people ---------------------------------------------------------------
# Set-up comes first and make is called anew behind it, so that what it
# installed is seen.

AGAIN = $(MAKE) --no-print-directory $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))

setup:
	@scripts/setup build test check

start:
	@scripts/setup build
	@$(AGAIN) all
	@scripts/taskfs-cluster start --bin '$(BUILD)' --name '$(NAME)' \
		--mount '$(MNT)' $(if $(N),--engines '$(N)') $(if $(SLOTS),--slots '$(SLOTS)')

stop:
	@scripts/taskfs-cluster stop --name '$(NAME)'

status:
	@scripts/taskfs-cluster status --name '$(NAME)' || [ $$? -ne 2 ]

# For who just cloned it: does taskfs work here? It installs little and takes
# minutes; what it leaves out, `make check` has.
test:
	@scripts/setup build test
	@$(AGAIN) tests
	@$(call run,test) unit wire e2e interop

# For who changes it: everything, with the sanitizers. What depends on the build
# (speed, memory, what a compiler makes of it with -O2) is looked at in a plain
# build besides, as far as `make test` looks; who has just run that says PLAIN=.
CHECKS    := lint fuzz unit wire interop e2e torture
PLAIN     := unit wire e2e
CHECK_SAN ?= address,undefined
check:
	@scripts/setup build test check
	@$(AGAIN) tests
	@$(AGAIN) $(FUZZ_ARGS) fuzzers
	@$(AGAIN) SAN=$(CHECK_SAN) tests
	@bad=0; \
	if [ -n '$(PLAIN)' ]; then \
		echo '== check: a plain build'; \
		$(call run,test) $(PLAIN) || bad=1; \
	fi; \
	echo '== check: a build with the sanitizers $(CHECK_SAN)'; \
	$(AGAIN) SAN=$(CHECK_SAN) run-tests SUITES='$(CHECKS)' || bad=1; \
	exit $$bad

# Parts of it: make e2e FILES="wait vars"
unit wire interop e2e:
	@scripts/setup build test check
	@$(AGAIN) tests
	@$(call run,check) $@

# make torture TIME=3600 SEED=17
torture:
	@scripts/setup build test check
	@$(AGAIN) tests
	@TIME='$(or $(TIME),600)' SEED='$(SEED)' FAULT_STEP=1 $(call run,check) torture

run = TIER=$(1) BUILD='$(BUILD)' SAN='$(SAN)' CC='$(CC)' tests/run
run-tests:
	@$(call run,check) $(SUITES)

# All of `make test` and of interop where there is a quarter of a core for it, and
# a start on a slow disk.
test-slow:
	@scripts/setup build test check
	@$(AGAIN) tests
	@BUILD='$(BUILD)' SAN='$(SAN)' CC='$(CC)' tests/slow/run

# What README.md says, typed on a Debian that was just made. DIST=trixie
# VARIANTS="root user"
fresh:
	@scripts/setup fresh
	@tests/fresh/run

# ipyparallel's own tests of a client, with our controller: some minutes.
theirs:
	@scripts/setup build theirs
	@$(AGAIN) all
	@BUILD='$(BUILD)' SAN='$(SAN)' tests/run theirs

# make fuzz FUZZ_TIME=600 FILES=scan
fuzz:
	@scripts/setup build test check
	@$(AGAIN) $(FUZZ_ARGS) fuzzers
	@FUZZ_TIME='$(or $(FUZZ_TIME),60)' tests/run fuzz

lint:
	@scripts/setup build test check
	@$(AGAIN) all $(GEN)
	@$(call run,check) lint

bench-programs: all $(BENCH) $(BENCH_OF) $(TOOLS) $(PRELOADED)
	@:

bench:
	@scripts/setup build
	@$(AGAIN) bench-programs
	@BUILD='$(BUILD)' tests/bench/run

bench-scale:
	@scripts/setup build
	@$(AGAIN) bench-programs
	@BUILD='$(BUILD)' tests/bench/scale

# How costs grow, in steps that are counted: another build of the controller's objects.
growth:
	+$(Q)$(MAKE) STEPS=1 run-growth
run-growth: $(BUILD)/tests/bench/bench_controller_growth
	$<

bench-sched:
	@scripts/setup build test
	@$(AGAIN) $(BUILD)/tests/bench/bench_controller_sched
	@$(BUILD)/tests/bench/bench_controller_sched

# What is expected of tests/e2e/counts.bats: after a change that has a reason.
counts:
	@scripts/setup build test
	@$(AGAIN) tests
	@BUILD='$(BUILD)' tests/count/count.py --write

docs: $(GEN) $(BUILD)/taskfs
	@BUILD='$(BUILD)' scripts/docs

# What the files of one program (ROOM) are compiled with, for the tools that read C as
# the compiler does.
print-cflags:
	$(info $(CFLAGS) $(pkg_cflags) -I. $(ROOM:%=-iquote %) -DSOURCE_DIR='"."')
	@:

# --- installing ---------------------------------------------------------------
# mount(8) looks for its helpers in /sbin and nowhere else.

BINDIR   ?= $(PREFIX)/bin
# taskfs-cluster looks for its parts beside its own directory.
LIBDIR   := $(dir $(patsubst %/,%,$(BINDIR)))lib/taskfs
MANDIR   ?= $(PREFIX)/share/man
DOCDIR   ?= $(PREFIX)/share/doc/taskfs
SBINDIR  ?= $(if $(filter /usr /usr/local,$(PREFIX)),/usr/sbin,$(PREFIX)/sbin)
COMMANDS := $(PROGRAMS:%=$(BUILD)/%) scripts/taskfs-cluster scripts/tfs
DATADIR  ?= $(PREFIX)/share
# What scripts/completions makes below it.
COMPLETE := $(foreach p,tfs taskfs-cluster $(PROGRAMS),bash-completion/completions/$(p) \
	fish/vendor_completions.d/$(p).fish) zsh/site-functions/_tfs zsh/site-functions/_taskfs
MAN1     := $(wildcard doc/*.1)
MAN5     := $(wildcard doc/*.5)
DOCS     := $(filter-out %.head.md,$(wildcard doc/*.md))
# Folders of doc/ that go as they are.
DOCDIRS  := examples guide images

# systemd's. UNITDIR= installs none.
UNITDIR  ?= $(PREFIX)/lib/systemd
UNITS    := $(patsubst packaging/systemd/%,%,$(wildcard packaging/systemd/*/*.service))

install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(SBINDIR) $(DESTDIR)$(LIBDIR) \
		$(DOCDIRS:%=$(DESTDIR)$(DOCDIR)/doc/%) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5
	install -m 755 $(COMMANDS) $(DESTDIR)$(BINDIR)
	cp -r scripts/cluster $(DESTDIR)$(LIBDIR)
	ln -sf $(BINDIR)/taskfs $(DESTDIR)$(SBINDIR)/mount.fuse.taskfs
	install -m 644 README.md LICENSE $(DESTDIR)$(DOCDIR)
	install -m 644 $(DOCS) $(DESTDIR)$(DOCDIR)/doc
	cp -r $(DOCDIRS:%=doc/%) $(DESTDIR)$(DOCDIR)/doc
	BUILD=$(BUILD) scripts/completions $(DESTDIR)$(DATADIR)
	$(if $(MAN1),install -m 644 $(MAN1) $(DESTDIR)$(MANDIR)/man1)
	$(if $(MAN5),install -m 644 $(MAN5) $(DESTDIR)$(MANDIR)/man5)

	$(if $(UNITDIR),for u in $(UNITS); do \
		sed 's|@BINDIR@|$(BINDIR)|' packaging/systemd/$$u | \
			install -D -m 644 /dev/stdin $(DESTDIR)$(UNITDIR)/$$u || exit; \
	done)

uninstall:
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,$(notdir $(COMMANDS)))
	rm -f $(DESTDIR)$(SBINDIR)/mount.fuse.taskfs
	rm -f $(addprefix $(DESTDIR)$(DATADIR)/,$(COMPLETE))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man1/,$(notdir $(MAN1)))
	rm -f $(addprefix $(DESTDIR)$(MANDIR)/man5/,$(notdir $(MAN5)))
	$(if $(UNITDIR),rm -f $(addprefix $(DESTDIR)$(UNITDIR)/,$(UNITS)))
	rm -rf $(DESTDIR)$(DOCDIR) $(DESTDIR)$(LIBDIR)

# Debian's packages, in build/deb. See packaging/debian.
deb:
	@scripts/setup build test deb
	@packaging/deb

version:
	@echo $(VERSION)

clean:
	rm -rf build

help:
	@sed -n 's/^#:: //p' $(firstword $(MAKEFILE_LIST))

#:: make            build the three programs in build/
#:: make start      set-up, build, start a cluster and mount it
#::                 MNT=./mnt  N=engines (one per core)  NAME=default
#::                 SLOTS=tasks at a time of each engine, or auto (one engine)
#:: make stop       unmount and stop it again              NAME=default
#:: make status     what of it runs                        NAME=default
#:: make test       does it work here? Some minutes; the last line counts
#:: make check      every test, lint, fuzzers and sanitizers
#:: make lint, unit, wire, interop, e2e        parts of it  FILES="wait vars"
#::                 SAN=address,undefined: built with sanitizers
#:: make fresh      README.md, typed on a Debian that was just made
#::                 DIST=trixie  VARIANTS="root user umask ..." (or all)
#:: make test-slow  the tests with a quarter of a core, a start on a slow disk
#:: make fuzz       parsers beside libFuzzer                 FUZZ_TIME=60 FILES=scan
#:: make theirs     ipyparallel's own tests with our controller  FILES=lbview
#:: make torture    faults, again and again, for minutes or hours
#::                 TIME=600 (seconds)  SEED=1
#:: make bench      speed, beside floors measured in the same run
#:: make bench-scale  how time and memory grow with the numbers: an SVG
#::                 ENGINES= SLOTS= TASKS= RESULTS= READERS= (up to so many)
#:: make bench-sched  what a decision of the scheduler costs
#:: make growth       how costs grow with numbers, counted in steps
#:: make counts     write again how many system calls and allocations a task costs
#:: make docs       write again what is made from tables: PROTOCOL.md, TREE.md,
#::                 taskfs.5
#:: make setup      install what building and testing need
#:: make install    DESTDIR= PREFIX=/usr/local; make uninstall takes it away
#:: make deb        Debian's packages, in build/deb
#:: make clean      remove build/
#:: CC=clang takes another compiler, V=1 shows every command.

.PHONY: all tests setup start stop status test check run-tests lint unit wire \
	interop e2e torture theirs fuzz fuzzers fresh test-slow bench bench-scale bench-sched \
	growth run-growth counts bench-programs docs print-cflags install uninstall deb version \
	clean help
.DELETE_ON_ERROR:
