"""Solutions to a given error: adaptive methods, their kernels, dense output and events, one solution and many."""
