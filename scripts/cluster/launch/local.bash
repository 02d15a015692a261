# local.bash: engines on this machine.
# shellcheck shell=bash disable=SC2154,SC2034 # the command line is read elsewhere

local_check() { slots=${slots:-1}; }
local_places() { echo; }
local_tellers() { echo 1; }
local_launch() { channel_open "$1" bash -s; }
local_coming() { channel_coming "$1"; }
local_give_up() { channel_give_up "$1"; }
local_state() { channel_state "$1" bash -s; }
local_cancel() { channel_cancel "$1" bash -s; }
