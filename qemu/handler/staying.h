/* A Python of the image that stays: to start one under QEMU takes half a second. */
#pragma once

/* What the Python makes of an expression of a, b, c and d, as a complex number: 1, or 0 when it could not be asked. */
__attribute__((visibility("hidden"))) int ask_staying(const char *program, const char *expression, const double *numbers, double *made);
