/* What the C contenders share: the exponential, as arithmetic that vectorises. "field.h" is generated from a field. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))
#define EACH(l) for (int l = 0; l < LANES; l++)
#define UP_TO(i, n) _Pragma("GCC unroll 32") for (int i = 0; i < (n); i++)

/* exp to 1 unit in the last place on [-708, 709], clamped beyond: t = k log 2 + r, a polynomial of degree 11 in r. */
INLINE double exponential(double t) {
    t = t > 709 ? 709 : t;
    t = t < -708 ? -708 : t;
    double shifted = t * 1.4426950408889634 + 6755399441055744.0; /* its last bits are k */
    double k = shifted - 6755399441055744.0, r = t - k * 0.693147180369123816490;
    r -= k * 1.90821492927058770002e-10;
    double q = 2.5095554677111112e-08;
    q = q * r + 2.761380686153829e-07;
    q = q * r + 2.755728006701698e-06;
    q = q * r + 2.4801536388690766e-05;
    q = q * r + 0.0001984126985433861;
    q = q * r + 0.0013888888905881542;
    q = q * r + 0.008333333333332155;
    q = q * r + 0.04166666666665136;
    q = q * r + 0.16666666666666666;
    q = q * r + 0.5;
    q = q * r * r + r + 1;
    int64_t bits, power;
    memcpy(&bits, &q, 8);
    memcpy(&power, &shifted, 8);
    bits += power << 52;
    memcpy(&q, &bits, 8);
    return q;
}

INLINE double logistic(double t) { return 1 / (1 + exponential(-t)); }

INLINE double square(double t) { return t * t; }

typedef double row[LANES] __attribute__((aligned(64)));

#include "field.h"
