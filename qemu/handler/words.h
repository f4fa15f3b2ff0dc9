/*
 * Words that are looked for in a script, in which ? is a space or tab. Scripts are long - libtool's has 400 kB and is started for each
 * object - so not every letter is looked at: of pairs of letters, as many apart as the shortest word allows, one of each word is met.
 */
#pragma once
#include <stddef.h>

#define MAX_WORDS 16

struct hunt { const char *words[MAX_WORDS]; int count; size_t step; unsigned char pairs[1 << 13]; };

/* Gets ready to look for the words of a text; 0 when there are too many, or one is too short to be looked for. */
int prepare(struct hunt *hunt, const char *words);

/* Whether a text has one of the words. */
int meets(const struct hunt *hunt, const char *text, size_t size);
