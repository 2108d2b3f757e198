/* An embedded Runge-Kutta pair with step-size control: one trajectory, or many in lanes with a step of their own.

"tableau.h" is generated from a method's exact coefficients: STAGES computes all slopes k and the new point y, ERRORS the
vectors e; E of them, SQUARED(s) is what their mean squares s make of ε², ALPHA, BETA and ORDER belong to the control.
The control is that of `integrators.step_control`, the driver that of `integrators.adaptive_kernel`.
*/
#include "lanes.h"
#include "tableau.h"

typedef struct {
    double x[N], k[N], error;
} attempted;

INLINE double larger(double a, double b) { return a > b ? a : b; }
INLINE double smaller(double a, double b) { return a < b ? a : b; }
INLINE double from_bits(int64_t bits) {
    double number;
    memcpy(&number, &bits, 8);
    return number;
}
INLINE int64_t bits_of(double number) {
    int64_t bits;
    memcpy(&bits, &number, 8);
    return bits;
}

INLINE attempted attempt(const double *x, const double *slope, const double *p, double h, double r, double a) {
    double k[S][N], y[N], e[E][N], square[E];
    UP_TO(i, N) k[0][i] = slope[i];
    point v;
    STAGES
    ERRORS
    UP_TO(j, E) square[j] = 0;
    attempted new;
    UP_TO(i, N) {
        double unit = 1 / (a + r * larger(fabs(x[i]), fabs(y[i])));
        UP_TO(j, E) square[j] += (e[j][i] * unit) * (e[j][i] * unit) / N;
        new.x[i] = y[i], new.k[i] = k[S - 1][i];
    }
    new.error = SQUARED(square);
    return new;
}

/* log2 to 1e-4 */
INLINE double octaves(double y) {
    int64_t bits = bits_of(y), e = (bits - 0x3FE6A09E667F3BCD) >> 52;
    double f = from_bits(bits - (e << 52)) - 1, whole = from_bits(e + 0x4338000000000000) - 6755399441055744.0;
    double q = -0.38967522379178965 + f * 0.25028784696095724;
    return whole + f * (1.4426404642832158 + f * (-0.7206292158599125 + f * (0.48573784244262075 + f * q)));
}

INLINE double growth(double error, double before) {
    double y = 0.5 * (BETA * octaves(before) - ALPHA * octaves(smaller(larger(error, 1e-20), 1e40)));
    double shifted = y + 6755399441055744.0, f = y - (shifted - 6755399441055744.0);
    double q = 0.24022530097412254 + f * (0.05583828294621962 + f * 0.00965671028854409);
    f = 0.85 + 0.85 * f * (0.6931367338836215 + f * q);
    double factor = from_bits(bits_of(f) + ((bits_of(shifted) - 0x4338000000000000) << 52));
    return error < 1e40 ? smaller(larger(factor, 0.2), 5) : 0.2;
}

INLINE void later(double *t, double *low, double h) {
    double rest = h + *low, total = *t + rest, back = total - *t;
    *low = (*t - (total - back)) + (rest - back), *t = total;
}

static double length(const double *y, const double *x, double r, double a) {
    double sum = 0;
    UP_TO(i, N) sum += pow(y[i] / (a + r * fabs(x[i])), 2);
    return sqrt(sum / N);
}

/* Hairer, Norsett & Wanner (1993), II.4. */
static double first_step(const double *x, const double *v, const double *p, double most, double r, double a) {
    double here = length(x, x, r, a), speed = length(v, x, r, a), y[N], bend[N];
    double trial = here < 1e-5 || speed < 1e-5 ? 1e-6 : smaller(0.01 * here / speed, most);
    UP_TO(i, N) y[i] = x[i] + trial * v[i];
    point w = field(y, p);
    UP_TO(i, N) bend[i] = w.v[i] - v[i];
    double fastest = larger(larger(length(bend, x, r, a) / trial, speed), 1e-15);
    return smaller(smaller(100 * trial, pow(0.01 / fastest, 1.0 / ORDER)), most);
}

/* From x to the time `end`; accepted steps (t, x) into the rows of `out`, `room` at most. Their number; -1: failed. */
long single(double *x, const double *p, double end, double r, double a, double bound, double *out, long room) {
    double t = 0, low = 0, before = 1, most = 5, left;
    point k = field(x, p);
    double h = first_step(x, k.v, p, end, r, a);
    for (long rows = 0; rows < room;) {
        if ((left = (end - t) - low) == 0) return rows;
        int cut = h * 1.0000001 >= left;
        double step = cut ? left : h;
        if (!cut && step <= 4e-16 * fabs(t)) return -1;
        attempted new = attempt(x, k.v, p, step, r, a);
        double factor = smaller(growth(new.error, new.error <= 1 ? before : 1), most);
        if (new.error <= 1) {
            int inside = 1;
            UP_TO(i, N) inside &= fabs(new.x[i]) <= bound;
            if (!inside) return -1;
            out[rows * (N + 1)] = t;
            UP_TO(i, N) out[rows * (N + 1) + 1 + i] = x[i] = new.x[i], k.v[i] = new.k[i];
            if (cut) t = end, low = 0;
            else later(&t, &low, step);
            out[rows++ * (N + 1)] = t;
            h = cut && h > step * factor ? h : step * factor;
            before = larger(new.error, 1e-8), most = 5;
        } else h = step * factor, most = 1;
    }
    return -1;
}

static __attribute__((noinline)) void block(double *X, const double *G, long columns, double end, double r, double a,
                                            double bound, double budget, int64_t *taken, int64_t *tried, long at) {
    row x[N], k[N], p[Q + 1], t, low, h, before, most, done, tries, code;
    EACH(l) {
        double y[N], q[Q + 1];
        UP_TO(i, N) y[i] = x[i][l] = X[i * columns + at + l];
        UP_TO(j, Q) q[j] = p[j][l] = G[j * columns + at + l];
        point v = field(y, q);
        UP_TO(i, N) k[i][l] = v.v[i];
        h[l] = first_step(y, v.v, q, end, r, a);
        t[l] = low[l] = done[l] = tries[l] = 0, before[l] = 1, most[l] = 5, code[l] = -1;
    }
    for (double going = 1; going > 0;) {
#pragma GCC ivdep
        EACH(l) {
            double y[N], s[N], q[Q + 1];
            UP_TO(i, N) y[i] = x[i][l], s[i] = k[i][l];
            UP_TO(j, Q) q[j] = p[j][l];
            double left = (end - t[l]) - low[l], u = t[l], w = low[l];
            int live = (code[l] == -1) & (left != 0), cut = h[l] * 1.0000001 >= left;
            double step = cut ? left : h[l];
            int small = (step <= 4e-16 * fabs(t[l])) & !cut;
            attempted new = attempt(y, s, q, step, r, a);
            int good = new.error <= 1, inside = 1;
            UP_TO(i, N) inside &= fabs(new.x[i]) <= bound;
            int stays = live & good & inside & !small;
            later(&u, &w, step);
            u = cut ? end : u, w = cut ? 0 : w;
            double factor = smaller(growth(new.error, good ? before[l] : 1), most[l]);
            double longer = cut & good & (h[l] > step * factor) ? h[l] : step * factor;
            code[l] = live & good & !inside ? 2 : code[l];
            code[l] = live & small ? 6 : code[l];
            tries[l] = live ? tries[l] + 1 : tries[l];
            code[l] = live & (tries[l] >= budget) & !(stays & cut) ? 8 : code[l];
            done[l] = stays ? done[l] + 1 : done[l];
            h[l] = live ? longer : h[l];
            most[l] = live ? (good ? 5.0 : 1.0) : most[l];
            t[l] = stays ? u : t[l], low[l] = stays ? w : low[l];
            before[l] = stays ? larger(new.error, 1e-8) : before[l];
            UP_TO(i, N) x[i][l] = stays ? new.x[i] : y[i], k[i][l] = stays ? new.k[i] : s[i];
        }
        going = 0;
        EACH(l) going += (code[l] == -1) & ((end - t[l]) - low[l] != 0) ? 1 : 0;
    }
    EACH(l) {
        UP_TO(i, N) X[i * columns + at + l] = x[i][l];
        taken[at + l] = done[l], tried[at + l] = tries[l];
    }
}

/* The blocks first .. last - 1 of the columns of X, from time 0 to `end`. */
void many(double *X, const double *G, long columns, double end, double r, double a, double bound, double budget,
          int64_t *taken, int64_t *tried, long first, long last) {
    for (long b = first; b < last; b++) block(X, G, columns, end, r, a, bound, budget, taken, tried, b * LANES);
}
