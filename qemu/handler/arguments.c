#include "arguments.h"
#include "calls.h"
#include "text.h"

int has_argument(char **argv, const char *text, int (*matches)(const char *, const char *))
{
    for (char **argument = argv + 1; *argument; argument++)
        if (matches(*argument, text)) return 1;
    return 0;
}

int has_some(char **argv, char *words)
{
    for (char *rest; *words; words = rest) {
        rest = cut(words);
        if (has_argument(argv, words, equal)) return 1;
    }
    return 0;
}

int begin_with(char **argv, char *words)
{
    for (char **argument = argv + 1, *rest; *words; words = rest, argument++) {
        rest = cut(words);
        if (!*argument || !equal(*argument, words)) return 0;
    }
    return 1;
}

int has_first(char **argv, const char *letters)
{
    if (!argv[1] || !*argv[1]) return 0;
    for (const char *c = argv[1]; *c; c++) {
        const char *letter = letters;
        while (*letter && *letter != *c) letter++;
        if (!*letter) return 0;
    }
    return 1;
}

int has_operand(char **argv)
{
    for (char **argument = argv + 1; *argument; argument++)
        if (**argument != '-') return 1;
    return 0;
}

int has_letters(char **argv, const char *letters, int options)
{
    for (char **argument = argv + 1; *argument; argument++) {
        if (options && (**argument != '-' || (*argument)[1] == '-')) continue;
        if (holds_letter(*argument, letters)) return 1;
    }
    return 0;
}

int lie_below(char **argv, const char *folder)
{
    for (char **argument = argv + 1; *argument; argument++) {
        if (**argument == '-') continue;
        if (!begins(*argument, folder)) return 0;
        for (const char *c = *argument; *c; c++)
            if (begins(c, "/..")) return 0;
    }
    return 1;
}

int holds_names(char **argv)
{
    char part[4096];
    for (char **argument = argv + 1; *argument; argument++) {
        if (**argument != '@') continue;
        long file = open_file(*argument + 1), size, at = 0;
        int inside = 0, fine = file >= 0;
        while (fine && (size = read_at(file, part, sizeof part, (uint64_t)at)) != 0) {
            fine = size > 0 && at < 1 << 24;
            for (long i = 0; i < size && fine; i++) {
                int space = part[i] == ' ' || part[i] == '\n' || part[i] == '\t' || part[i] == '\r' || part[i] == '\f' || part[i] == '\v';
                if (!space && !inside && (part[i] == '-' || part[i] == '@')) fine = 0;
                if (part[i] == '\\' || part[i] == '\'' || part[i] == '"') fine = 0; /* a word need not be what it seems */
                inside = !space;
            }
            at += size;
        }
        if (file >= 0) close_file(file);
        if (!fine) return 0;
    }
    return 1;
}
