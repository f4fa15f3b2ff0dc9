#include "words.h"
#include "bytes.h"

#define MAX_SHORTEST 64

static void note_pair(struct hunt *hunt, char first, char second)
{
    unsigned pair = (unsigned)(unsigned char)first << 8 | (unsigned char)second;
    hunt->pairs[pair >> 3] |= (unsigned char)(1 << (pair & 7));
}

int prepare(struct hunt *hunt, const char *words)
{
    size_t shortest = MAX_SHORTEST;
    hunt->count = 0;
    while (*words) {
        size_t size = 0;
        while (words[size] && words[size] != ' ') size++;
        if (size < 2 || hunt->count == MAX_WORDS) return 0;
        if (size < shortest) shortest = size;
        hunt->words[hunt->count++] = words;
        words += size + (words[size] == ' ');
    }
    hunt->step = shortest - 1;
    memset(hunt->pairs, 0, sizeof hunt->pairs);
    for (int i = 0; i < hunt->count; i++)
        for (const char *at = hunt->words[i], *end = at + hunt->step; at < end; at++)
            for (int blanks = 0; blanks < 4; blanks++)
                note_pair(hunt, at[0] == '?' ? " \t"[blanks & 1] : at[0], at[1] == '?' ? " \t"[blanks >> 1] : at[1]);
    return hunt->count > 0;
}

static int begins_with_word(const char *text, const char *end, const char *word)
{
    for (; *word && *word != ' '; text++, word++)
        if (text == end || (*word == '?' ? *text != ' ' && *text != '\t' : *text != *word)) return 0;
    return 1;
}

int meets(const struct hunt *hunt, const char *text, size_t size)
{
    const char *end = text + size;
    for (size_t at = 0; at + 1 < size; at += hunt->step) {
        unsigned pair = (unsigned)(unsigned char)text[at] << 8 | (unsigned char)text[at + 1];
        if (!(hunt->pairs[pair >> 3] >> (pair & 7) & 1)) continue;
        for (size_t back = 0; back < hunt->step && back <= at; back++)
            for (int i = 0; i < hunt->count; i++)
                if (begins_with_word(text + at - back, end, hunt->words[i])) return 1;
    }
    return 0;
}
