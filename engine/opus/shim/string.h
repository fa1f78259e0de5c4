/* The part of <string.h> that libopus uses; Rust's compiler_builtins defines all of it. See README.md. */
#ifndef SMRTC_SHIM_STRING_H
#define SMRTC_SHIM_STRING_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);
int memcmp(const void *a, const void *b, size_t size);
size_t strlen(const char *text);

/* The only caller compares a CTL name of a debugging build; not worth a symbol. */
static inline int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

#endif
