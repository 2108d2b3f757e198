/* One step of a method on the field of "field.h". */
INLINE point euler(const double *x, const double *p, double h) {
    point v = field(x, p), y;
    UP_TO(i, N) y.v[i] = x[i] + h * v.v[i];
    return y;
}

INLINE point runge_kutta4(const double *x, const double *p, double h) {
    point a, b, c, d, y;
    a = field(x, p);
    UP_TO(i, N) y.v[i] = x[i] + 0.5 * h * a.v[i];
    b = field(y.v, p);
    UP_TO(i, N) y.v[i] = x[i] + 0.5 * h * b.v[i];
    c = field(y.v, p);
    UP_TO(i, N) y.v[i] = x[i] + h * c.v[i];
    d = field(y.v, p);
    UP_TO(i, N) y.v[i] = x[i] + h * (1 / 6.0) * (a.v[i] + 2 * (b.v[i] + c.v[i]) + d.v[i]);
    return y;
}
