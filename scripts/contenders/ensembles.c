/* Many runs with a fixed step, in lanes: STEP is euler or runge_kutta4; the statuses are those of `ensemble`.

A run ends as 1 (a step changed nothing), 2 (left the cube of half-width `bound`) or 3 (not finite). The lanes are looked
at after every chunk of up to `check` steps, and a chunk in which something happened is taken again, alone.
*/
#include "lanes.h"
#include "steps.h"

/* How the step from s to y ends the run; 0: it goes on. */
static int ending(const double *s, const double *y, double bound) {
    int inside = 1, finite = 1, same = 1;
    UP_TO(i, N) inside &= fabs(y[i]) <= bound;
    UP_TO(i, N) finite &= y[i] - y[i] == 0;
    UP_TO(i, N) same &= y[i] == s[i];
    return inside ? same : finite ? 2 : 3;
}

/* `count` steps of all lanes; `event` becomes 1 where one led out of the cube. */
INLINE void steps_of(row *S, const row *P, const double *h, double *event, long count, double bound) {
    for (long k = 0; k < count; k++)
#pragma GCC ivdep
        EACH(l) {
            double x[N], p[Q + 1];
            UP_TO(i, N) x[i] = S[i][l];
            UP_TO(j, Q) p[j] = P[j][l];
            point y = STEP(x, p, h[l]);
            int inside = 1;
            UP_TO(i, N) inside &= fabs(y.v[i]) <= bound;
            event[l] = inside ? event[l] : 1.0;
            UP_TO(i, N) S[i][l] = y.v[i];
        }
}

static __attribute__((noinline)) void chunk_of(row *S, row *B, const row *P, const double *h, double *event, long count,
                                               double bound) {
    row X[N], H, E; /* copies on the stack, which nothing else can point to */
    memcpy(X, S, sizeof X), memcpy(H, h, sizeof H), memset(E, 0, sizeof E);
    steps_of(X, P, H, E, count - 1, bound);
    memcpy(B, X, sizeof X); /* the last step by itself: did it change anything? */
    steps_of(X, P, H, E, 1, bound);
    memcpy(S, X, sizeof X), memcpy(event, E, sizeof E);
}

/* The blocks first .. last - 1 of the columns of X; rows of X and G are `columns` long. */
void ensemble(double *X, const double *G, const double *H, int64_t *status, int64_t *taken, long columns, long steps,
              long check, double bound, long first, long last) {
    for (long at = first * LANES; at < last * LANES; at += LANES) {
        row S[N], A[N], B[N], P[Q + 1], h, event;
        long live = 0, chunk = 8;
        EACH(l) {
            UP_TO(i, N) S[i][l] = X[i * columns + at + l];
            UP_TO(j, Q) P[j][l] = G[j * columns + at + l];
            h[l] = H[at + l];
            live += status[at + l] == 0;
            taken[at + l] = status[at + l] == 0 ? steps : 0;
        }
        for (long done = 0; done < steps && live > 0; done += chunk) {
            chunk = 2 * chunk < check ? 2 * chunk : check;
            chunk = chunk < steps - done ? chunk : steps - done;
            memcpy(A, S, sizeof S);
            chunk_of(S, B, P, h, event, chunk, bound);
            double events = 0;
            EACH(l) {
                int still = 1;
                UP_TO(i, N) still &= S[i][l] == B[i][l];
                event[l] = still ? 1.0 : event[l];
                events += event[l];
            }
            if (events == 0) continue;
            EACH(l) {
                if (event[l] == 0 || status[at + l]) continue;
                double p[Q + 1], s[N], y[N];
                UP_TO(i, N) s[i] = A[i][l];
                UP_TO(j, Q) p[j] = P[j][l];
                for (long k = 0; k < chunk; k++) {
                    point new = STEP(s, p, h[l]);
                    UP_TO(i, N) y[i] = new.v[i];
                    if ((status[at + l] = ending(s, y, bound))) {
                        taken[at + l] = done + k, live--;
                        UP_TO(i, N) X[i * columns + at + l] = y[i];
                        break;
                    }
                    memcpy(s, y, sizeof s);
                }
            }
        }
        EACH(l) if (status[at + l] == 0) UP_TO(i, N) X[i * columns + at + l] = S[i][l];
    }
}
