#include "text.h"

int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

int ends(const char *text, const char *with)
{
    size_t size = length(text), end = length(with);
    return size >= end && equal(text + size - end, with);
}

char *cut(char *text)
{
    while (*text && *text != ' ') text++;
    if (*text) *text++ = 0;
    return text;
}

void put(struct text *text, const char *part)
{
    for (; *part; part++) {
        if (text->at + 1 >= text->end) { text->over = 1; return; }
        *text->at++ = *part;
    }
    *text->at = 0;
}

int is_among(const char *text, const char *words)
{
    for (size_t size = length(text); *words; words += *words == ' ') {
        const char *word = words;
        while (*words && *words != ' ') words++;
        if ((size_t)(words - word) == size && begins(word, text)) return 1;
    }
    return 0;
}
