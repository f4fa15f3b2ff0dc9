/* Conversions of fractions in the formats of printf. */
#pragma once
#include <stddef.h>

/* Whether a text has a conversion like %.2f, one that takes the end from a variable (${name%.f}) aside. */
int has_fraction(const char *text, size_t size);
