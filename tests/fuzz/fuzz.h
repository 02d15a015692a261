/*
 * fuzz.h: what the fuzzers share. Each tests/fuzz/fuzz_X.c is a program of
 * libFuzzer for one parser of bytes from outside; tests/fuzz/corpus/X is what
 * it begins with. Beside not crashing, each asserts what the parser promises.
 */
#ifndef TASKFS_TESTS_FUZZ_H
#define TASKFS_TESTS_FUZZ_H

#include "base/base.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
