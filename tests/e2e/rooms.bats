# scripts/check-rooms can fail: in a copy of the tree, with the objects of this build,
# somebody does what nobody may, and is told so.
# bats file_tags=check
# shellcheck shell=bash
load lib

# The copy of each test is made from this one. Its objects are links: make writes
# others in their place.
setup_file() {
	local top
	export WHOLE=$BATS_FILE_TMPDIR/whole
	mkdir -p "$WHOLE/build/obj"
	cp -a "$ROOT"/{Makefile,README.md,doc,scripts,lib,fs,controller,engine} "$WHOLE"
	cp -a "$ROOT/tests" "$WHOLE"
	cp -as "$BUILD/libtaskfs.a" "$WHOLE/build"
	for top in lib fs controller engine; do
		cp -as "$BUILD/obj/$top" "$WHOLE/build/obj"
	done
	# They name the objects of another directory.
	find "$WHOLE/build" -name '*.d' -delete
}

setup() {
	COPY=$BATS_TEST_TMPDIR/copy
	cp -a "$WHOLE" "$COPY"
	cd "$COPY" || return 1
}

# compile FILE.c...: their objects, anew.
compile() {
	local file objects=()
	for file in "$@"; do
		objects+=("build/obj/${file%.c}.o")
	done
	rm -f "${objects[@]}"
	make -s BUILD=build "${objects[@]}"
}

# add FILE TEXT: lines at the end of a file of C (or a new one), and its object.
add() {
	mkdir -p "$(dirname "$1")"
	if [ ! -e "$1" ] && [[ $1 == *.c ]]; then
		printf '#include "base/base.h"\n' >"$1"
	fi
	printf '\n%s\n' "$2" >>"$1"
	[[ $1 != *.c ]] || compile "$1"
}

# room NAME: a new room of engine/, below its root.
room() { sed -i -e "s,^engine .*,& $1," -e "/^lib.wire /i $1 lib/base" scripts/rooms; }

# As a function that is not static has to be.
function_of() { printf 'int %s(void);\nint %s(void)\n{\n\treturn %s;\n}' "$1" "$1" "$2"; }

check_rooms() {
	run env BUILD=build scripts/check-rooms
	# Of files that have grown too long there is only a note.
	printf '%s\n' "$output" | grep -v '^note: ' >said || true
}

# refused LINE...: these, and nothing else.
refused() {
	check_rooms
	equal "$status" 1
	printf '%s\n' "$@" | sort | diff - <(sort said)
}

@test "the tree as it is" {
	check_rooms
	equal "$status" 0
	equal "$(cat said)" ''
}

@test "a call of a room above" {
	add lib/base/map.c "bool state_is_final(int s);
$(function_of map_wrong 'state_is_final(0)')"
	refused 'lib/base/map.c: must not use state_is_final() of lib/wire/state.c'
}

@test "a call of a program, in what all programs use" {
	add lib/base/map.c "int kin_children(void *k);
$(function_of map_wrong 'kin_children(NULL)')"
	refused 'lib/base/map.c: must not use kin_children() of engine/kin.c'
}

@test "an include of another program" {
	add engine/kin.c '#include "../fs/mirror/task.h"'
	check_rooms
	equal "$status" 1
	like "$(cat said)" 'engine/kin.c:[0-9]+: engine must not include fs/mirror/task.h'
}

@test "an include of a room above" {
	sed -i '1i #include "base/base.h"\n#include "wire/state.h"' lib/base/map.c
	compile lib/base/map.c
	refused 'lib/base/map.c:2: lib/base must not include lib/wire/state.h'
}

@test "an include that nobody has" {
	sed -i '1i #include "link.h"' lib/base/map.h
	refused 'lib/base/map.h:1: there is no "link.h"'
}

@test "a variable of a room above" {
	add lib/base/map.c "extern const char task_options[];
$(function_of map_wrong 'task_options[0]')"
	refused 'lib/base/map.c: must not use task_options() of lib/wire/task_option.c'
}

@test "a header of another room that is for that room" {
	room engine/extra
	add engine/extra/door.c "$(function_of extra_door 1)"
	printf 'int extra_door(void);\n' >engine/extra/door_parts.h
	add engine/kin.c '#include "extra/door_parts.h"'
	check_rooms
	equal "$status" 1
	like "$(cat said)" \
		'engine/kin.c:[0-9]+: engine/extra/door_parts.h is for its own room'
}

@test "a file in a folder that is no room" {
	add engine/extra/door.c "$(function_of extra_door 1)"
	add engine/extra/door.h 'int extra_door(void);'
	refused 'engine/extra/door.c: engine/extra is no room of scripts/rooms' \
		'engine/extra/door.h: engine/extra is no room of scripts/rooms' \
		'engine/extra/door.c:1: engine/extra must not include lib/base/base.h'
}

@test "a file in a folder of a room of a room" {
	room engine/extra
	add engine/extra/door.c "$(function_of extra_door 1)"
	add engine/extra/deep/door.h 'int deep_door(void);'
	refused 'engine/extra/deep/door.h: engine/extra/deep is no room of scripts/rooms'
}

@test "a file that was not compiled" {
	room engine/extra/deep
	mkdir -p engine/extra/deep
	printf '#include "base/base.h"\n' >engine/extra/deep/door.c
	refused 'engine/extra/deep/door.c: there is no build/obj/engine/extra/deep/door.o: make comes first'
}

@test "a room without files, one that stands twice, one that uses what is above it" {
	sed -i 's,^lib/base$,& lib/wire,' scripts/rooms
	printf 'engine lib/base\nengine/extra lib/base nowhere\n' >>scripts/rooms
	check_rooms
	equal "$status" 1
	like "$(grep twice said)" 'scripts/rooms:[0-9]+: engine stands there twice'
	grep -x 'scripts/rooms: lib/base uses lib/wire, which does not stand below it' said
	grep -x 'scripts/rooms: engine/extra uses nowhere, which is no room' said
	grep -x 'scripts/rooms: engine/extra has no files' said
}

@test "a circle that nobody listed" {
	add lib/base/round.c "int way(void); $(function_of round_way 'way()')"
	add lib/base/way.c "int round_way(void); $(function_of way 'round_way()')"
	refused 'a circle that scripts/rooms does not list: lib/base/round.c lib/base/way.c'
	echo 'circle lib/base/round.c lib/base/way.c' >>scripts/rooms
	check_rooms
	equal "$status" 0
}

@test "a circle that is listed and gone" {
	echo 'circle lib/base/log.c lib/base/map.c' >>scripts/rooms
	refused 'scripts/rooms lists a circle that is not there: lib/base/log.c lib/base/map.c'
}

@test "a call that nobody may use, and what somebody wanted to come back to" {
	# The word must not stand here, or it is found.
	local to=TO
	printf '\n#define WRONG(to, from) strcpy(to, from)\n/* %sDO */\n' "$to" \
		>>lib/base/map.c
	check_rooms
	equal "$status" 1
	grep -E '^lib/base/map.c:[0-9]+: banned: #define WRONG' said
	grep -E '^lib/base/map.c:[0-9]+: unfinished$' said
}

@test "make finds a file in a new room of a room" {
	local san=${SAN:-} cc=${CC:-gcc}
	room engine/extra
	mkdir engine/extra
	{
		printf '#include "extra/door.h"\n\n'
		printf 'const char *extra_door(void)\n{\n\treturn "through the door";\n}\n'
	} >engine/extra/door.c
	printf '#include "base/base.h"\n\nconst char *extra_door(void);\n' \
		>engine/extra/door.h
	sed -i -e '/"worker.h"/a #include "extra/door.h"' \
		-e 's/^\tint err, code = EXIT_OK;/&\n\n\tif (argc == 0)\n\t\tputs(extra_door());/' \
		engine/main.c
	make -s BUILD=build SAN="$san" CC="$cc" build/taskfs-engine
	grep -q 'through the door' build/taskfs-engine
	check_rooms
	equal "$(cat said)" ''
	equal "$status" 0
}

@test "a room of more files than can be looked at" {
	local n
	for ((n = $(find controller/store -name '*.c' | wc -l); n < 16; n++)); do
		add "controller/store/more_$n.c" 'static int more __attribute__((unused));'
	done
	refused 'controller/store: 16 files; more than 15 are two rooms'
}

@test "a struct of a name that another has" {
	add engine/kin.c 'struct twin { int a; };'
	add engine/run.c 'struct twin { int a; };'
	add lib/base/map.c 'union twin { int a; };'
	# In another program nobody meets it.
	add fs/tree.h 'struct kin_of_fs { int a; };'
	add engine/kin.c 'struct kin_of_fs { int a; };'
	check_rooms
	equal "$status" 1
	equal "$(grep -E 'twin|kin_of_fs' said)" \
		"engine/run.c: struct twin is defined in engine/kin.c, too
lib/base/map.c: union twin is defined in engine/run.c, too"
}

@test "a header that declares what another file defines" {
	add lib/base/map.h 'void log_init(void);'
	add engine/kin.h 'void run_kill(void);'
	# One that is for its room alone may.
	add engine/kin_parts.h 'void run_kill(void);'
	check_rooms
	equal "$status" 1
	equal "$(grep -E 'log_init|run_kill' said)" \
		"engine/kin.h: declares run_kill(), which engine/run.c defines
lib/base/map.h: declares log_init(), which lib/base/log.c defines"
}
