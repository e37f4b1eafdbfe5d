# Makefile: the only entry point. `make` alone prints the help; all that is made goes to build/.
#
# Variables, on the command line:
#   SRC=my.c     another server in its place       TIMEOUT=10  its timer, seconds
#   PORT=51000   another first port                LAB=lab2    which lab (serve)
#   CC= CFLAGS=  compiler and flags of the labs    WERROR=1    no warnings
#   CHECK=name   one check (grade)                 FORMAT=json OUT=file  (grade)
#   BUILD=dir    another build directory           V=1         show the commands
# BEGIN INSTRUCTOR
#   SUBMISSIONS=dir  or a zip (class)          SHARD=2/8   its second eighth
#   TESTS=path   only some of the tests        FUZZ_SECONDS=60  how long (fuzz)
#   VIEW=instructor  (grade) hidden checks in full, and what is odd about a trace
#   TIER=unshare (grade) demand an isolation: bubblewrap, unshare, 'free ports'
#   TIMES=100    (grade-grader) a hundred times: does an outcome ever change?
#   READER_EXTRA= PRELOAD_EXTRA=  more flags for the tracer's two halves
# END INSTRUCTOR

SRC     :=
TIMEOUT := 2
PORT    := 50000
LAB     := lab2
CHECK   :=
FORMAT  := text
VIEW    := student
TIER    :=
OUT     := -
TESTS   := harness/tests
BUILD   := build
PYTHON  ?= python3
CFLAGS  ?= -g -O1 -fno-optimize-sibling-calls
# -O1: warnings that need the optimiser, and calls that stay where they stand in the source.

MAKEFLAGS += --no-builtin-rules --no-print-directory
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
Q := $(if $(V),,@)

WARNINGS    := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes $(if $(WERROR),-Werror)
LAB_FLAGS   := -std=c11 -D_POSIX_C_SOURCE=200809L $(WARNINGS)
READER_EXTRA  :=
PRELOAD_EXTRA :=
FUZZ_SECONDS  := 60
TRACE_FLAGS := -std=gnu11 -g -O2 -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes $(if $(WERROR),-Werror)
DEPS         = -MMD -MP -MF $@.d -MT $@
# What Python compiles is kept in build/ too, not between the sources, or where its user wants such things; also when it has been
# told to keep nothing (PYTHONDONTWRITEBYTECODE): each start would compile all of pytest.
PYCACHE      = PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$${PYTHONPYCACHEPREFIX:-$(abspath $(BUILD))/pycache}
RUN_PYTHON   = PYTHONPATH=harness $(PYCACHE) $(PYTHON)

# What must be there, said in one line. These are expanded in recipes, so that `make help` needs none of it.
found     = $(shell command -v $(firstword $(1)) 2>/dev/null)
NEED_CC   = $(if $(call found,$(CC)),,$(error no C compiler `$(firstword $(CC))': install the package gcc, or name another one with CC=))$(if \
            $(HEADERS),,$(error `$(CC)' finds no headers of the C library: install the package libc6-dev))
HEADERS   = $(eval HEADERS := $(shell echo '#include <netinet/in.h>' | $(CC) -E -o /dev/null - 2>/dev/null && echo found))$(HEADERS)
NEED_PY   = $(if $(call found,$(PYTHON)),,$(error no `$(PYTHON)': install the package python3, or name another one with PYTHON=))
NEED_SRC  = $(if $(SRC),$(if $(wildcard $(SRC)),,$(error there is no file `$(SRC)': SRC= names a C file, seen from this directory)))

.PHONY: help build serve player client grade clean FORCE
FORCE:

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9][a-z0-9-]*:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))
	@sed -n '/^# [A-Z]* INSTRUCTOR$$/d; /^# Variables/,/^$$/ s/^# \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

build: ## everything that is compiled: the labs, the client, fdtrace
	@:

lab1: ## play lab 1, live: several listeners, one client at a time
lab2: ## play lab 2, live: one listener, and 4, 5, 6 come back
serve: ## LAB=lab2: the server alone, live, for clients of your own
player: ## LAB=lab2: its last run as a page that plays it step by step
client: ## a client to type into: sends each line, prints the echo
grade: ## LAB=lab2 [SRC=my.c]: checks, points, what to do about them
# BEGIN INSTRUCTOR
class: ## LAB=lab2 SUBMISSIONS=dir [OUT=dir] -j4: grades them all
merge: ## FROM="dir dir", else as class: what many machines graded
kit: ## the students' tarball: starters and checks, no solutions
gradescope: ## LAB=lab2: the zip that grades this lab at Gradescope
grade-grader: ## every right server passes, every wrong one fails its check
handouts: ## does each handout as it is written, refreshes its excerpts
test: ## all tests; fetches pytest first where it is missing
bench: ## what the tracer costs, as ratios in one run (minutes)
fuzz: ## libFuzzer on the reader, FUZZ_SECONDS=60 (needs clang)
# END INSTRUCTOR
clean: ## throws build/ away

# ---- a change of compiler or flags makes anew what they concern: these files change only when the flags do

quote = '$(subst ','\'',$(1))'
keep  = mkdir -p $(@D); echo $(call quote,$(1)) | cmp -s - $@ || echo $(call quote,$(1)) > $@
$(BUILD)/flags: FORCE
	@$(call keep,$(filter-out -Werror,$(CC) $(LAB_FLAGS) $(CFLAGS) $(LDFLAGS)))
$(BUILD)/trace.flags: FORCE
	@$(call keep,$(filter-out -Werror,$(CC) $(TRACE_FLAGS) $(READER_EXTRA) / $(PRELOAD_EXTRA)))

# ---- labs: labs/lab2-one-listener/server.c becomes build/lab2/server; with SRC=, that file becomes build/lab2/src/server

LABS := $(sort $(foreach dir,$(wildcard labs/lab*-*/server.c),$(firstword $(subst -, ,$(notdir $(patsubst %/server.c,%,$(dir)))))))
COMPILE_LAB = $(CC) $(LAB_FLAGS) $(CFLAGS) $(LDFLAGS) -Icommon
# What the labs share lies in a library, so that each is linked with those helpers only that it names.
HELPERS := $(patsubst common/%.c,$(BUILD)/common/%.o,$(filter-out common/client.c,$(wildcard common/*.c)))

$(BUILD)/common/%.o: common/%.c $(BUILD)/flags
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE_LAB) $(DEPS) -c -o $@ $<

$(BUILD)/common/helpers.a: $(HELPERS)
	$(Q)rm -f $@; ar rcs $@ $(HELPERS)

define lab_rules
$(BUILD)/$(1)/server: $(wildcard labs/$(1)-*/server.c) $(BUILD)/common/helpers.a $(BUILD)/flags
	$$(NEED_CC)$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE_LAB) $$(DEPS) -o $$@ $$< $(BUILD)/common/helpers.a

# Made anew each time: SRC may be another file than last time, and its warnings are worth a second look.
$(BUILD)/$(1)/src/server: $(BUILD)/common/helpers.a FORCE
	$$(NEED_CC)$$(NEED_SRC)$$(Q)mkdir -p $$(@D)
	$$(Q)$$(COMPILE_LAB) -o $$@ $$(SRC) $(BUILD)/common/helpers.a
endef
$(foreach lab,$(LABS),$(eval $(call lab_rules,$(lab))))

$(BUILD)/client: common/client.c $(BUILD)/common/helpers.a $(BUILD)/flags
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE_LAB) $(DEPS) -o $@ $< $(BUILD)/common/helpers.a

server_of = $(BUILD)/$(1)/$(if $(SRC),src/)server

# ---- the tracer (trace/): this section belongs to it

GEN         := $(BUILD)/gen
GENERATED   := $(GEN)/calls.h $(GEN)/calls.c $(GEN)/symbols.h $(GEN)/wrappers.c
READER_SRC  := $(wildcard trace/fdtrace.c trace/run/*.c trace/reader/*.c trace/views/*.c trace/rules/*.c) $(GEN)/calls.c $(GEN)/player.c
PRELOAD_SRC := $(wildcard trace/preload/*.c) $(GEN)/wrappers.c
object_of    = $(patsubst %.c,$(BUILD)/obj/$(1)/%.o,$(patsubst $(GEN)/%,gen/%,$(2)))
READER_OBJ  := $(call object_of,reader,$(READER_SRC))
PRELOAD_OBJ := $(call object_of,preload,$(PRELOAD_SRC))
COMPILE_TRACE = $(CC) $(TRACE_FLAGS) -Itrace -I$(GEN) $(DEPS)
# The library is first in every process: it needs no other object (-nostdlib), no check of libc's (stack protector, fortify), and
# its thread variables lie where a signal handler may read them (initial-exec).
PRELOAD_FLAGS := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector -U_FORTIFY_SOURCE
LINK_PRELOAD  := -shared -nostdlib -Wl,-z,initfirst
# On aarch64 gcc and clang take atomic operations out of libgcc, unless they are told not to.
in_line         = $(if $(filter aarch64%,$(shell $(1) -dumpmachine 2>/dev/null)),-mno-outline-atomics)
COMPILE_PRELOAD = $(COMPILE_TRACE) $(PRELOAD_FLAGS) $(call in_line,$(CC)) $(PRELOAD_EXTRA)
# A second build for programs that are linked with musl, where its compiler is at hand.
MUSL_CC       ?= musl-gcc

# calls.py writes only what differs; the stamp says that it has looked.
$(GEN)/stamp: trace/calls.py trace/calls.tab
	$(NEED_PY)$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) trace/calls.py $(GEN)
	$(Q)touch $@
$(GENERATED): $(GEN)/stamp ;
# The page of `fdtrace html`: it lies in the program.
$(GEN)/player.c: $(wildcard trace/player/*.py trace/player/*.html trace/player/*.css trace/player/*.js)
	$(NEED_PY)$(Q)mkdir -p $(@D)
	$(Q)$(PYTHON) trace/player/embed.py $@

$(BUILD)/obj/reader/%.o: %.c $(BUILD)/trace.flags | $(GEN)/stamp
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE_TRACE) $(READER_EXTRA) -c -o $@ $<
$(BUILD)/obj/reader/gen/%.o: $(GEN)/%.c $(BUILD)/trace.flags
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE_TRACE) $(READER_EXTRA) -c -o $@ $<
$(BUILD)/obj/preload/%.o: %.c $(BUILD)/trace.flags | $(GEN)/stamp
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE_PRELOAD) -c -o $@ $<
$(BUILD)/obj/preload/gen/%.o: $(GEN)/%.c $(BUILD)/trace.flags
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(COMPILE_PRELOAD) -c -o $@ $<

$(BUILD)/fdtrace: $(READER_OBJ)
	$(Q)$(CC) $(TRACE_FLAGS) $(READER_EXTRA) -pthread -o $@ $^
$(BUILD)/libfdtrace.so: $(PRELOAD_OBJ)
	$(Q)$(CC) $(TRACE_FLAGS) $(LINK_PRELOAD) -o $@ $^
$(BUILD)/libfdtrace-musl.so: $(PRELOAD_SRC) $(wildcard trace/preload/*.h) trace/capture.h $(BUILD)/trace.flags
	$(Q)$(MUSL_CC) $(TRACE_FLAGS) $(PRELOAD_FLAGS) $(call in_line,$(MUSL_CC)) -Itrace -I$(GEN) $(LINK_PRELOAD) -o $@ $(PRELOAD_SRC)

TRACER := $(BUILD)/fdtrace $(BUILD)/libfdtrace.so $(if $(call found,$(MUSL_CC)),$(BUILD)/libfdtrace-musl.so)

# BEGIN INSTRUCTOR
.PHONY: fuzz bench
# The reader under libFuzzer (harness/tests/fuzz/fuzz.c); what it learns stays in build/fuzz/corpus.
FUZZ_CC  := clang -std=gnu11 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined -Itrace -I$(GEN)
FUZZ_SRC := $(filter-out trace/fdtrace.c trace/run/%,$(READER_SRC))
$(BUILD)/fuzz/fuzz: harness/tests/fuzz/fuzz.c harness/tests/fuzz_reader.c $(FUZZ_SRC) $(wildcard trace/*.h trace/*/*.h) $(GEN)/stamp
	$(Q)mkdir -p $(@D)/corpus
	$(Q)$(FUZZ_CC) -DLLVMFuzzerTestOneInput=read_bytes -c -o $@.reader.o harness/tests/fuzz_reader.c
	$(Q)$(FUZZ_CC) -o $@ harness/tests/fuzz/fuzz.c $@.reader.o $(FUZZ_SRC)
fuzz: $(BUILD)/fuzz/fuzz
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -max_len=60000 -timeout=20 -rss_limit_mb=2000 -print_final_stats=1 -close_fd_mask=3 \
		-artifact_prefix=$(BUILD)/fuzz/ $(BUILD)/fuzz/corpus harness/tests/fuzz/corpus

# How much it costs: figures as ratios, each in one interleaved run (harness/bench.py says more). The whole of it goes into trace/README.md;
# BENCH='loop start': some of it, to be looked at.
bench: build
	$(NEED_PY)$(Q)$(RUN_PYTHON) harness/bench.py --build $(BUILD) $(if $(BENCH),,--write trace/README.md) $(BENCH)
# END INSTRUCTOR
# ---- end of the tracer

# Between the harness and each program that it starts.
$(BUILD)/keeper: harness/keeper.c $(BUILD)/trace.flags
	$(NEED_CC)$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(TRACE_FLAGS) -o $@ $<
TOOLS := $(TRACER) $(BUILD)/keeper

build: $(foreach lab,$(LABS),$(BUILD)/$(lab)/server) $(BUILD)/client $(TOOLS)

# Two labs in one command are played one after the other, also under -j: they share the ports and the screen.
ifneq ($(filter-out 0 1,$(words $(filter lab%,$(MAKECMDGOALS)))),)
.NOTPARALLEL:
endif

.PHONY: $(LABS)
$(LABS): lab%: $(call server_of,lab%) $(TOOLS)
	$(NEED_PY)$(Q)$(RUN_PYTHON) -m fdlab.play $@ --build $(BUILD) --server $< --timeout $(TIMEOUT) --port $(PORT)

# Ctrl+C is the right end of it, so make is not to call it an error; but it must not be ignored either.
serve: $(if $(filter $(LAB),$(LABS)),$(call server_of,$(LAB)) $(TRACER))
	$(if $(filter $(LAB),$(LABS)),,$(error there is no lab `$(LAB)': LAB= is one of $(LABS)))$(NEED_PY)$(Q)\
	trap : INT; $(RUN_PYTHON) -m fdlab.serve $(LAB) --build $(BUILD) --server $< --timeout $(TIMEOUT) --port $(PORT) || \
	test $$? -eq 130

PLAYED = $(BUILD)/$(LAB)/trace
player: $(TRACER)
	$(if $(filter $(LAB),$(LABS)),,$(error there is no lab `$(LAB)': LAB= is one of $(LABS)))$(if $(wildcard $(PLAYED).fdt),,\
	$(error there is no run of $(LAB) yet: make $(LAB)))$(Q)$(BUILD)/fdtrace html -o $(PLAYED).html $(PLAYED).fdt
	$(Q)for open in xdg-open open; do \
		if command -v $$open >/dev/null 2>&1 && [ -n "$$DISPLAY$$WAYLAND_DISPLAY" -o $$open = open ]; then \
			$$open $(PLAYED).html >/dev/null 2>&1 && echo "$(PLAYED).html is open in your browser" && exit 0; fi; done; \
		echo "$(PLAYED).html: open it in a browser"

client: $(BUILD)/client
	$(Q)$(BUILD)/client 127.0.0.1 $(PORT)

# ---- grading: the grader compiles the submission itself, so that a compile error is an answer too

WITH_PYTEST = python=$$(PYTHON=$(PYTHON) sh harness/get_pytest.sh $(BUILD)) && \
	PYTHONPATH=harness $(PYCACHE) $$python
GRADE_FLAGS = --compile $(call quote,$(COMPILE_LAB)) --helpers $(BUILD)/common/helpers.a --build $(BUILD)

grade: $(BUILD)/common/helpers.a $(TOOLS)
	$(NEED_CC)$(NEED_PY)$(NEED_SRC)$(Q)$(WITH_PYTEST) -m fdlab.grade $(LAB) \
		$(call quote,$(or $(SRC),$(wildcard labs/$(LAB)-*/server.c),$(error there is no lab `$(LAB)': LAB= is one of $(LABS)))) \
		$(GRADE_FLAGS) $(CHECK:%=--check %) --format $(FORMAT) --view $(VIEW) $(if $(TIER),--tier $(call quote,$(TIER))) --out $(call quote,$(OUT)) --traces $(BUILD)/$(LAB)/grade

# BEGIN INSTRUCTOR
.PHONY: class merge kit gradescope grade-grader handouts test
# What they write depends on more than files: they look at all of it each time, which takes a second.
kit:
	$(NEED_PY)$(Q)$(RUN_PYTHON) -m fdlab.kit $(BUILD)/fdlab-kit.tar.gz
gradescope:
	$(NEED_PY)$(Q)$(RUN_PYTHON) -m fdlab.kit $(BUILD)/gradescope-$(LAB).zip $(LAB)

# A class: what make is told with -j holds for the submissions too. The results of several machines are put together by merge.
SUBMISSIONS :=
SHARD :=
FROM  :=
CLASS_OUT = $(call quote,$(if $(filter -,$(OUT)),$(BUILD)/class/$(LAB),$(OUT)))
NEED_SUBMISSIONS = $(if $(SUBMISSIONS),,$(error SUBMISSIONS= names the folder or the zip with what was handed in))
class merge: $(BUILD)/common/helpers.a $(TOOLS)
	$(NEED_CC)$(NEED_PY)$(NEED_SUBMISSIONS)$(Q)+export MAKE=$(call quote,$(MAKE)); $(WITH_PYTEST) -m fdlab.klass \
		$(GRADE_FLAGS) --shard $(call quote,$(SHARD)) -- \
		$(if $(filter merge,$@),merge,run) $(LAB) $(call quote,$(SUBMISSIONS)) $(CLASS_OUT) $(if $(filter merge,$@),$(FROM))

grade-grader: $(BUILD)/common/helpers.a $(TOOLS)
	$(NEED_CC)$(NEED_PY)$(Q)$(WITH_PYTEST) -m fdlab.$(if $(TIMES),flicker --times $(TIMES),matrix) $(GRADE_FLAGS)

handouts: build
	$(NEED_PY)$(Q)$(RUN_PYTHON) -m fdlab.excerpts --build $(BUILD)

test: build
	$(NEED_PY)$(Q)python=$$(PYTHON=$(PYTHON) sh harness/get_pytest.sh $(BUILD)) && \
	$(PYCACHE) FDLAB_BUILD=$(abspath $(BUILD)) \
	FDLAB_CC=$(call quote,$(CC)) FDLAB_CFLAGS=$(call quote,$(CFLAGS)) \
		$$python -m pytest -o cache_dir=$(abspath $(BUILD))/pytest_cache -q -rfs $(TESTS)
# END INSTRUCTOR

clean:
	$(Q)rm -rf $(BUILD)

# What each product was made from, headers too; -MP lets a header vanish without an error.
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
