/* Texts that end with a zero, and letters. What long scripts are looked through with stands here, to be compiled into each loop. */
#pragma once
#include <stddef.h>

static inline size_t length(const char *text) { size_t n = 0; while (text[n]) n++; return n; }
static inline int begins(const char *text, const char *with) { while (*with) if (*text++ != *with++) return 0; return 1; }

static inline int contains(const char *text, const char *part)
{
    for (; *text; text++) if (*text == *part && begins(text, part)) return 1;
    return 0;
}

static inline int holds_letter(const char *text, const char *letters)
{
    for (; *text; text++)
        for (const char *letter = letters; *letter; letter++)
            if (*text == *letter) return 1;
    return 0;
}

static inline int is_safe(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

static inline int is_name(char c) { return is_safe((unsigned char)c) && c != '-'; }
static inline int is_digit(char c) { return c >= '0' && c <= '9'; }

/* A text under construction; `over` says that it did not fit. */
struct text { char *at, *end; int over; };

/* Hidden: an address that comes from a table would make the handler writable. */
#define HIDDEN __attribute__((visibility("hidden")))

HIDDEN int equal(const char *a, const char *b);
HIDDEN int ends(const char *text, const char *with);

/* Cuts `text` after its first word and gives what follows. */
char *cut(char *text);

/* Whether a text is one of the words of another. */
int is_among(const char *text, const char *words);

void put(struct text *text, const char *part);
