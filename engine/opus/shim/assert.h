/* See README.md. */
#ifndef SMRTC_SHIM_ASSERT_H
#define SMRTC_SHIM_ASSERT_H

#define assert(condition) ((condition) ? (void)0 : __builtin_trap())

#endif
