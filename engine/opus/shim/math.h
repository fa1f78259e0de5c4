/* The part of <math.h> that libopus uses. See README.md.
 *
 * What is one Wasm instruction is a builtin here; the rest is in Rust's compiler_builtins (a port of musl's libm),
 * so the module has one definition of each function whichever language calls it. */
#ifndef SMRTC_SHIM_MATH_H
#define SMRTC_SHIM_MATH_H

#define M_PI 3.14159265358979323846
#define HUGE_VAL __builtin_huge_val()
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")
#define isnan(x) __builtin_isnan(x)

double acos(double x);
double atan(double x);
double atan2(double y, double x);
double cos(double x);
double exp(double x);
double log(double x);
double log10(double x);
double pow(double x, double y);
double sin(double x);

static inline double ceil(double x) { return __builtin_ceil(x); }
static inline double fabs(double x) { return __builtin_fabs(x); }
static inline float fabsf(float x) { return __builtin_fabsf(x); }
static inline double floor(double x) { return __builtin_floor(x); }
static inline double sqrt(double x) { return __builtin_sqrt(x); }
static inline float sqrtf(float x) { return __builtin_sqrtf(x); }

/* f32.nearest rounds halves to even, as lrintf does in the default rounding mode, the only one Wasm has. */
static inline long lrint(double x) { return (long)__builtin_rint(x); }
static inline long lrintf(float x) { return (long)__builtin_rintf(x); }

#endif
