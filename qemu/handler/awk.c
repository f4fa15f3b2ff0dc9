#include "awk.h"
#include "bytes.h"
#include "calls.h"
#include "text.h"

#define MAX_PROGRAM (1 << 16)

static int is_word(const char *at, size_t size, const char *words)
{
    while (*words) {
        size_t end = 0, same = 0;
        while (words[end] && words[end] != ' ') end++;
        while (end == size && same < size && words[same] == at[same]) same++;
        if (end == size && same == size) return 1;
        words += end + (words[end] == ' ');
    }
    return 0;
}

static const char *skip_blanks(const char *at) { while (*at == ' ' || *at == '\t') at++; return at; }

/* Whether a string of AWK, at its first letter, has a conversion to a letter or to a number without a sign, or an unfinished one. */
static int is_odd_string(const char *at)
{
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) { at++; continue; }
        if (*at != '%') continue;
        const char *conversion = at + 1;
        while (*conversion && holds_letter((const char[]){ *conversion, 0 }, "-+ #0123456789.*$'lh")) conversion++;
        if (!*conversion || holds_letter((const char[]){ *conversion, 0 }, "cuoxX\"\\")) return 1;
        at = conversion;
    }
    return 0;
}

static const char *end_of_string(const char *at)
{
    for (; *at && *at != '"' && *at != '\n'; at++) if (*at == '\\' && at[1]) at++;
    return at;
}

/* Whether printf or sprintf, whose arguments begin here, has a format that is known: strings only, of which none is odd. */
static int has_plain_format(const char *at)
{
    at = skip_blanks(at);
    if (*at == '(') at = skip_blanks(at + 1);
    if (*at != '"') return 0;
    while (*at == '"') {
        if (is_odd_string(at + 1)) return 0;
        at = end_of_string(at + 1);
        if (*at != '"') return 0;
        at = skip_blanks(at + 1);
    }
    return !*at || holds_letter((const char[]){ *at, 0 }, ",);}\n>|");
}

/* The slash that ends a regular expression; 0 where that is a matter of the AWK: a slash in brackets. */
static const char *end_of_expression(const char *at)
{
    for (; *at != '/'; at++) {
        if (!*at || *at == '\n') return 0;
        if (*at == '\\' && at[1] && at[1] != '\n') { at++; continue; }
        if (*at != '[') continue;
        at += 1 + (at[1] == '^');
        if (*at == ']') at++;
        for (; *at != ']'; at++) {
            if (!*at || *at == '\n' || *at == '/') return 0;
            if (*at == '\\') {
                if (at[1] == ']' || at[1] == '/' || !at[1]) return 0;
                at++;
            } else if (*at == '[' && at[1] == ':') {
                for (at += 2; *at != ':' || at[1] != ']'; at++) if (!*at || *at == '\n' || *at == '/') return 0;
                at++;
            }
        }
    }
    return at;
}

/*
 * Whether a program of AWK has nothing that CPUs may reckon otherwise: functions of mathematics, powers, random numbers; letters and numbers
 * without a sign in formats, of what may be less than 0; division by what may be 0, for the sign of 0/0 is another.
 */
static int is_plain_awk(const char *at)
{
    int operand = 0; /* what stands before a slash is a number or the like: it divides */
    while (*at) {
        char c = *at;
        if (c == ' ' || c == '\t' || c == '\r') at++;
        else if (c == '#') while (*at && *at != '\n') at++;
        else if (c == '\\') {
            if (at[1] != '\n') return 0;
            at += 2;
        } else if (c == '"') {
            for (const char *part = at + 1; *part && *part != '"'; part++) {
                if (begins(part, "/proc") || begins(part, "/inet")) return 0;
                if (*part == '\\' && part[1]) part++;
            }
            at = end_of_string(at + 1);
            if (*at++ != '"') return 0;
            operand = 1;
        } else if (is_digit(c) || (c == '.' && is_digit(at[1]))) {
            while (is_digit(*at) || *at == '.') at++;
            if (*at == 'e' || *at == 'E') {
                const char *digits = at + 1 + (at[1] == '-' || at[1] == '+');
                if (is_digit(digits[0]) && is_digit(digits[1]) && is_digit(digits[2])) return 0;
            }
            operand = 1;
        } else if (is_name(c)) {
            const char *name = at;
            while (is_name(*at)) at++;
            size_t size = (size_t)(at - name);
            if (is_word(name, size, "exp log sin cos atan2 sqrt rand srand PROCINFO")) return 0;
            if (is_word(name, size, "printf sprintf") && !has_plain_format(at)) return 0;
            operand = !is_word(name, size, "print printf return else case in do exit");
        } else if (c == '/' || c == '%') {
            if (operand) {
                at = skip_blanks(at + 1 + (at[1] == '='));
                if (*at < '1' || *at > '9') return 0;
                operand = 0;
            } else {
                if (c == '%') return 0;
                at = end_of_expression(at + 1);
                if (!at) return 0;
                at++;
                operand = 1;
            }
        } else if (c == '^' || c == '@' || c == '`' || (c == '*' && at[1] == '*') || (unsigned char)c < '\t' || (unsigned char)c > '~') return 0;
        else if ((c == '+' || c == '-') && at[1] == c) at += 2;
        else operand = c == ')' || c == ']', at++;
    }
    return 1;
}

int is_plain_awk_call(char **argv)
{
    char text[MAX_PROGRAM];
    int files = 0;
    char **argument = argv + 1;
    for (; *argument && **argument == '-' && (*argument)[1]; argument++) {
        if (equal(*argument, "--")) { argument++; break; }
        char letter = (*argument)[1];
        if (letter != 'F' && letter != 'v' && letter != 'f') return 0;
        const char *value = (*argument)[2] ? *argument + 2 : *++argument;
        if (!value) return 0;
        if (letter != 'f') continue;
        long file = open_file(value), size = 0, got = -1;
        if (file < 0) return 0;
        while (size < MAX_PROGRAM && (got = read_at(file, text + size, MAX_PROGRAM - size, (uint64_t)size)) > 0) size += got;
        close_file(file);
        if (got || find(text, text + size, 0) < text + size) return 0; /* a pipe, a long one, or one that has a zero */
        text[size] = 0;
        if (!is_plain_awk(text)) return 0;
        files = 1;
    }
    return files || (*argument && is_plain_awk(*argument));
}
