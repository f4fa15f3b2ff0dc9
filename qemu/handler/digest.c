#include "digest.h"
#include "bytes.h"
#include "calls.h"

static const uint32_t SHARES[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t value, int by) { return value >> by | value << (32 - by); }

static void digest_block(uint32_t *state, const unsigned char *block)
{
    uint32_t words[64], s[8];
    for (int i = 0; i < 16; i++) words[i] = (uint32_t)number(block + 4 * i, 4, 1);
    for (int i = 16; i < 64; i++) {
        uint32_t a = words[i - 15], b = words[i - 2];
        words[i] = words[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + words[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++) s[i] = state[i];
    for (int i = 0; i < 64; i++) {
        uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + SHARES[i] + words[i];
        uint32_t other = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j > 0; j--) s[j] = s[j - 1];
        s[4] += one, s[0] = one + other;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

static void digest_start(uint32_t *state)
{
    static const uint32_t START[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    for (int i = 0; i < 8; i++) state[i] = START[i];
}

#define PART 4096

/* Adds a part, which has room for 128 more bytes; the last one is shorter than PART. `whole` is the size of all. */
static void digest_part(uint32_t *state, unsigned char *part, long size, long whole)
{
    if (size < PART) {
        part[size++] = 0x80;
        while (size % 64 != 56) part[size++] = 0;
        for (int i = 56; i >= 0; i -= 8) part[size++] = (unsigned char)((uint64_t)whole * 8 >> i);
    }
    for (long block = 0; block < size; block += 64) digest_block(state, part + block);
}

int digest_open(long file, uint32_t *state)
{
    unsigned char part[PART + 128];
    long size, at = 0;
    if (file < 0) return 0;
    digest_start(state);
    do {
        long got = size = read_at(file, part, PART, (uint64_t)at);
        while (got > 0 && size < PART && (got = read_at(file, part + size, PART - size, (uint64_t)(at + size))) > 0) size += got;
        if (got < 0 || at > 1l << 26) { close_file(file); return 0; }
        digest_part(state, part, size, at += size);
    } while (size == PART);
    close_file(file);
    return 1;
}

int digest_text(const char *text, size_t size, uint32_t *state)
{
    unsigned char part[PART + 128];
    if (size >= PART) return 0;
    for (size_t i = 0; i < size; i++) part[i] = (unsigned char)text[i];
    digest_start(state);
    digest_part(state, part, (long)size, (long)size);
    return 1;
}

void digest_hex(const uint32_t *state, char *hex)
{
    for (int i = 0; i < 64; i++) *hex++ = "0123456789abcdef"[state[i / 8] >> (28 - i % 8 * 4) & 15];
    *hex = 0;
}
