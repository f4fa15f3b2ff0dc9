#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

/* A SHA-256 that is being computed (FIPS 180-4). */
struct sha256 {
    uint32_t state[8];
    uint64_t length;
    uint8_t block[64];
    size_t filled;
};

void sha256_start(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *data, size_t size);
void sha256_end(struct sha256 *sha, uint8_t digest[32]);

#endif
