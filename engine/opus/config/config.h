/* How libopus is configured, for the host and for Wasm alike, so that both make the same bytes of the same samples.
 *
 * No DRED, no deep PLC, no OSCE: their weights are megabytes. No run-time CPU detection: plain C, which the compiler
 * vectorises in the browser with simd128. */
#ifndef SMRTC_OPUS_CONFIG_H
#define SMRTC_OPUS_CONFIG_H

#define PACKAGE_VERSION "1.6.1"
#define OPUS_BUILD 1

/* Scratch memory in C99 arrays of variable length: no alloca.h, no global stack. */
#define VAR_ARRAYS 1

#define HAVE_STDINT_H 1
#define HAVE_LRINT 1
#define HAVE_LRINTF 1

/* Range checks on what a hostile packet can influence; they cost less than 1 %. */
#define ENABLE_HARDENING 1

#endif
