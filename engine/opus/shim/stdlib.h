/* The part of <stdlib.h> that libopus uses. See README.md. */
#ifndef SMRTC_SHIM_STDLIB_H
#define SMRTC_SHIM_STDLIB_H

#include <stddef.h>

/* Defined by the Rust module that links libopus, over its own allocator. */
void *malloc(size_t size);
void free(void *pointer);

/* Named by an inline function that nothing calls, so nobody defines it. */
void *realloc(void *pointer, size_t size);

/* A Wasm module has no process to end: a trap is what the host sees either way. */
_Noreturn static inline void abort(void) { __builtin_trap(); }

static inline int abs(int x) { return x < 0 ? -x : x; }

#endif
