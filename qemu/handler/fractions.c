#include "fractions.h"
#include "bytes.h"
#include "text.h"

/*
 * Whether a % stands in a command of sed like s%/%-%g, in the middle or at the end: on its line are one or two before it, the first after
 * an s, and the word sed, or $SED.
 */
static int ends_command(const char *text, const char *at)
{
    const char *start = at;
    for (int i = 0; i < 2; i++) {
        do if (start == text || *--start == '\n') return 0; while (*start != '%');
        size_t slashes = 0; /* an odd number takes the % from the command */
        while (start - text > (long)slashes && start[-1 - (long)slashes] == '\\') slashes++;
        if (slashes & 1) return 0;
        if (start - text < 2 || start[-1] != 's' || !holds_letter((const char[]){ start[-2], 0 }, "'\"; \t")) continue;
        for (start--; start > text && *start != '\n'; start--)
            if (begins(start, "sed") || begins(start, "SED")) return 1;
        return 0;
    }
    return 0;
}

int has_fraction(const char *text, size_t size)
{
    const char *end = text + size;
    for (const char *at = find(text, end, '%'); at < end; at = find(at + 1, end, '%')) {
        const char *c = at + 1, *before = at;
        while (*c == '.' || *c == '*' || *c == ' ' || *c == '+' || *c == '-' || *c == '#' || *c == '\'' || (*c >= '0' && *c <= '9')) c++;
        while (*c == 'l' || *c == 'L' || *c == 'h') c++;
        if (!*c || !holds_letter((const char[]){ *c, 0 }, "aefgAEFG")) continue;
        while (before > text && (is_name(before[-1]) || before[-1] == '%')) before--;
        if (before - text >= 2 && before[-1] == '{' && before[-2] == '$' && before < at) continue;
        if (ends_command(text, at)) continue;
        return 1;
    }
    return 0;
}
