/* Bytes that need not be text. */
#pragma once
#include <stddef.h>
#include <stdint.h>

static inline uint64_t number(const unsigned char *at, int size, int big)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | at[big ? i : size - 1 - i];
    return value;
}

void *memset(void *to, int value, size_t size);

/* Where a letter is first met, or the end. */
const char *find(const char *text, const char *end, char letter);
