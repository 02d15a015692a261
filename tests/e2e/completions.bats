# What shells complete: made from the tables by scripts/completions.
# shellcheck shell=bash
load lib

setup_file() {
	cluster_up 1
	BUILD=$BUILD "$ROOT/scripts/completions" "$HOME_DIR/share"
}
teardown_file() { cluster_down; }
setup() {
	test_begin
	export TASKFS=$MNT PATH=$ROOT/scripts:$PATH
}
teardown() { test_end; }

# has LINE...: each of them is in $HOME_DIR/got.
has() {
	local line
	for line; do
		grep -qxF -- "$line" "$HOME_DIR/got" || {
			echo "not there: $line"
			cat "$HOME_DIR/got"
			return 1
		}
	done
}

# by SHELL WORD...: what it offers for the last word, one a line.
by_bash() {
	bash -s "$HOME_DIR/share" "$@" >"$HOME_DIR/got" <<-'END'
		. "$1/bash-completion/completions/tfs"
		compopt() { :; } # outside of a completion it complains
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_tfs
		printf '%s\n' "${COMPREPLY[@]}"
	END
}
by_zsh() {
	zsh -f -s "$HOME_DIR/share" "$@" >"$HOME_DIR/got" <<-'END'
		compadd() { while [[ $1 == -* ]]; do [[ $1 != -S ]] || shift; shift; done; print -rl -- "$@" }
		_describe() { print -rl -- ${${(P)2}%%:*} }
		_command_names() { print a command }
		share=$1
		shift
		words=("$@") CURRENT=$# PREFIX=${@[-1]}
		set --
		source $share/zsh/site-functions/_tfs
	END
}
by_fish() {
	fish --no-config -c "source $HOME_DIR/share/fish/vendor_completions.d/tfs.fish
		complete -C '$*'" | cut -f 1 >"$HOME_DIR/got"
}

completes() {
	local id
	id=$(submit '{"code": ":", "label": "told"}')
	done_with "$id"
	"by_$1" tfs ''
	has run map submit wait status log ps cancel top
	"by_$1" tfs run -
	has -o -c --bar -0
	"by_$1" tfs map -o ''
	has retries= cpus= max_running= label=
	"by_$1" tfs wait ''
	has "$id" told
}

@test "bash" {
	completes bash
	by_bash tfs st
	equal "$(<"$HOME_DIR/got")" status
	by_bash tfs run -o max_
	equal "$(<"$HOME_DIR/got")" max_running=
	by_bash tfs run tru
	has true
	equal "$(bash -c '. "$1/taskfs-engine" && complete -p taskfs-engine' bash \
		"$HOME_DIR/share/bash-completion/completions" | grep -c -- '--slots')" 1
}

# bats test_tags=check
@test "zsh" {
	completes zsh
	by_zsh tfs run tru
	has 'a command'
}

# bats test_tags=check
@test "fish" {
	completes fish
	fish --no-config -c "source $HOME_DIR/share/fish/vendor_completions.d/taskfs-engine.fish
		complete -C 'taskfs-engine --slo'" | grep -e '^--slots'
}
