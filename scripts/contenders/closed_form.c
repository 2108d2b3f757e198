/* The spectral radius of Euler's update on the curl field under consensus, in closed form: sqrt((1 - hg)^2 + h^2). */
#include <math.h>

void fill(const double *h, int columns, const double *gamma, int rows, double *out) {
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < columns; k++) {
            double u = 1 - h[k] * gamma[i];
            out[(long)i * columns + k] = sqrt(u * u + h[k] * h[k]);
        }
}
