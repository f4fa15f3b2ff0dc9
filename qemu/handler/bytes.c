#include "bytes.h"

/* Compilers call these by themselves, on some CPUs for no more than an initializer. */
__attribute__((used)) void *memset(void *to, int value, size_t size)
{
    for (char *at = to; size--; at++) *at = (char)value;
    return to;
}

__attribute__((used, visibility("hidden"))) void *memcpy(void *to, const void *from, size_t size)
{
    const char *next = from;
    for (char *at = to; size--; at++, next++) *at = *next;
    return to;
}

/* Bit 7 of each byte that is 0. */
static uint64_t zeros(uint64_t eight) { return (eight - 0x0101010101010101u) & ~eight & 0x8080808080808080u; }

const char *find(const char *text, const char *end, char letter)
{
    uint64_t all = (unsigned char)letter * 0x0101010101010101u, eight;
    for (; end - text >= 8; text += 8) {
        __builtin_memcpy(&eight, text, 8);
        if (zeros(eight ^ all)) break;
    }
    while (text < end && *text != letter) text++;
    return text;
}
