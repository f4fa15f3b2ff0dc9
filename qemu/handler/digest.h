/* SHA-256 (FIPS 180-4), as eight words. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define DIGEST_ROOM 65 /* 64 hex digits and a zero */

/* Of an open file, which is closed; 0 when it cannot be read. */
int digest_open(long file, uint32_t *state);

/* Of a text; 0 when it has 4096 letters or more. */
int digest_text(const char *text, size_t size, uint32_t *state);

void digest_hex(const uint32_t *state, char *hex);
