#include "shell.h"
#include "bytes.h"
#include "calls.h"
#include "fractions.h"
#include "text.h"
#include "words.h"

#define MAX_SCRIPT (1 << 16)
#define OVERLAP 256

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/* Whether a text may have the command . or source, with whatever follows it. */
static int has_source(const char *text)
{
    for (const char *at = text; *at; at++) {
        size_t size = *at == '.' ? 1 : begins(at, "source") ? 6 : 0;
        if (!size || !is_blank(at[size])) continue;
        if (at == text || is_blank(at[-1]) || holds_letter((const char[]){ at[-1], 0 }, ";&|({`!")) return 1;
    }
    return 0;
}

/*
 * What a script of bash may print. Of scripts that Autoconf and Automake make it is known what they read by ".": answers kept by themselves, and
 * settings. What others read may print fractions, which nobody sees before.
 */
struct calm { int prints, fractions, sources, generated; struct hunt print, generate; };

static void begin_to_look(struct calm *seen)
{
    seen->prints = seen->fractions = seen->sources = seen->generated = 0;
    prepare(&seen->print, "printf");
    prepare(&seen->generate, "Generated?by?GNU?Autoconf Generated?by?configure. Generated?automatically?by?config.status");
}

/* Whether bash may print fractions: by a text of its own, or by files that it reads. */
static int may_print_fractions(const struct calm *seen)
{
    return (seen->prints && seen->fractions) || (seen->sources && !seen->generated);
}

/* A text that ends with a zero. */
static void look_at(struct calm *seen, const char *text, size_t size)
{
    if (!seen->generated) seen->generated = meets(&seen->generate, text, size);
    if (!seen->prints) seen->prints = meets(&seen->print, text, size);
    if (!seen->fractions) seen->fractions = has_fraction(text, size);
    if (!seen->sources && !seen->generated) seen->sources = has_source(text);
}

int is_calm(char **argv, const char *words)
{
    char text[MAX_SCRIPT];
    char **argument = argv + 1;
    int inside = 0; /* an argument is the script */
    for (; *argument && (**argument == '-' || **argument == '+') && (*argument)[1]; argument++) {
        if (equal(*argument, "--")) { argument++; break; }
        if (holds_letter(*argument + 1, "-oOs")) return 0; /* long options, those with a value */
        if (**argument == '-' && holds_letter(*argument, "c")) inside = 1;
    }
    if (!*argument || equal(*argument, "-")) return 0;
    struct hunt hunt;
    struct calm seen;
    if (!words) begin_to_look(&seen);
    else if (!prepare(&hunt, words)) return 0;
    if (inside) {
        if (words) return !meets(&hunt, *argument, length(*argument));
        look_at(&seen, *argument, length(*argument));
        return !may_print_fractions(&seen);
    }
    long file = open_file(*argument), size, at = 0;
    if (file == IS_PIPE) return 0; /* it can be read only once */
    if (file < 0) return 1; /* the shell says so */
    int found = 0;
    while (!found && (size = read_at(file, text, sizeof text - 1, (uint64_t)at)) > 0) {
        text[size] = 0;
        for (const char *zero = text; (zero = find(zero, text + size, 0)) < text + size;) text[zero - text] = ' ';
        if (words) found = meets(&hunt, text, (size_t)size);
        else look_at(&seen, text, (size_t)size);
        at += size < OVERLAP * 2 ? size : size - OVERLAP; /* a word may lie across */
    }
    close_file(file);
    if (size < 0) return 0;
    return words ? !found : !may_print_fractions(&seen);
}
