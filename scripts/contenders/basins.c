/* Basins of known attractors in C: STEP is euler or runge_kutta4, a look every LOOK steps, arrival in one of `balls`
balls. `lanes`: blocks of LANES starts, until the last of a block has arrived; `scalar`: one start after the other. */
#include "lanes.h"
#include "steps.h"

#define LOOK 8
#define UNDECIDED -2.0

/* The blocks first .. last - 1 of the columns of X, whose rows are `columns` long: labels and looks taken. */
void lanes(const double *X, double *label, double *looks, const double *C, const double *R, const double *p, double h,
           long columns, long balls, long most, double bound, long first, long last) {
    for (long at = first * LANES; at < last * LANES; at += LANES) {
        row S[N], found, age;
        UP_TO(i, N) memcpy(S[i], X + i * columns + at, sizeof S[i]);
        EACH(l) found[l] = UNDECIDED, age[l] = 0;
        long left = LANES;
        for (long look = 0; look < most && left > 0; look++) {
            for (int k = 0; k < LOOK; k++)
#pragma GCC ivdep
                EACH(l) {
                    double x[N];
                    UP_TO(i, N) x[i] = S[i][l];
                    point y = STEP(x, p, h);
                    UP_TO(i, N) S[i][l] = y.v[i];
                }
            row now;
            EACH(l) {
                int inside = 1;
                UP_TO(i, N) inside &= fabs(S[i][l]) <= bound;
                now[l] = inside ? UNDECIDED : -1.0;
            }
            for (long a = 0; a < balls; a++)
                EACH(l) {
                    double d = 0;
                    UP_TO(i, N) d += (S[i][l] - C[a * N + i]) * (S[i][l] - C[a * N + i]);
                    now[l] = d <= R[a] ? (double)a : now[l];
                }
            double open = 0;
            EACH(l) {
                age[l] += found[l] == UNDECIDED ? 1.0 : 0.0;
                found[l] = found[l] == UNDECIDED ? now[l] : found[l];
                open += found[l] == UNDECIDED ? 1.0 : 0.0;
            }
            left = (long)open;
        }
        memcpy(label + at, found, sizeof found), memcpy(looks + at, age, sizeof age);
    }
}

void scalar(const double *X, double *label, double *looks, const double *C, const double *R, const double *p, double h,
            long columns, long balls, long most, double bound, long first, long last) {
    for (long j = first * LANES; j < last * LANES; j++) {
        double s[N], found = UNDECIDED;
        long look = 0;
        UP_TO(i, N) s[i] = X[i * columns + j];
        for (; look < most && found == UNDECIDED; look++) {
            for (int k = 0; k < LOOK; k++) {
                point y = STEP(s, p, h);
                UP_TO(i, N) s[i] = y.v[i];
            }
            int inside = 1;
            UP_TO(i, N) inside &= fabs(s[i]) <= bound;
            if (!inside) found = -1.0;
            for (long a = 0; a < balls; a++) {
                double d = 0;
                UP_TO(i, N) d += (s[i] - C[a * N + i]) * (s[i] - C[a * N + i]);
                if (d <= R[a]) found = (double)a;
            }
        }
        label[j] = found, looks[j] = (double)look;
    }
}
