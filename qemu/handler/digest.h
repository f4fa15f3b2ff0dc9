/* SHA-256 of files (FIPS 180-4). */
#pragma once

#define DIGEST_ROOM 65 /* 64 hex digits and a zero */

/* The digest of a file; 0 when it cannot be read. */
int digest_of(const char *path, char *hex);
