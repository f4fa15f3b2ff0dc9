#include "imports.h"
#include "calls.h"
#include "engine.h"
#include "folders.h"
#include "text.h"
#include "words.h"

#define MAX_MODULE 64
#define MAX_SCRIPT (1 << 16)

/* By these other modules are loaded, or the process is looked at. */
static const char LOADERS[] = "__import__ importlib exec( eval( exec? eval? runpy pkgutil builtins sys.path breakpoint logging.config /proc complex pow( urllib.request";

static int is_foreign(char c) { return (unsigned char)c >= 0x80; }
static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\f'; }
static int is_line_end(char c) { return c == '\n' || c == '\r'; }

/* Goes over blanks, and ends of lines that go on. */
static const char *over_blanks(const char *at)
{
    for (;;) {
        if (is_blank(*at)) at++;
        else if (*at == '\\' && is_line_end(at[1])) at += at[1] == '\r' && at[2] == '\n' ? 3 : 2;
        else return at;
    }
}

static int is_word(const char *at, const char *word)
{
    char next = begins(at, word) ? at[length(word)] : 'x';
    return !is_name(next) && !is_foreign(next);
}

/* Goes over a module's name, the first part of which must be among these; nothing where it is not. */
static const char *over_module(const char *at, const char *names)
{
    char name[MAX_MODULE];
    size_t size = 0;
    for (; is_name(*at); at++) {
        if (size + 1 == sizeof name) return 0;
        name[size++] = *at;
    }
    name[size] = 0;
    if (!size || !is_among(name, names)) return 0;
    while (is_name(*at) || *at == '.') at++;
    return over_blanks(at);
}

/* Whether the statement that begins here, if it loads modules, loads only these. */
static int loads_only(const char *at, const char *names)
{
    if (is_word(at, "from")) {
        const char *module = over_blanks(at + 4), *end = module;
        while (is_name(*end) || *end == '.' || is_foreign(*end)) end++;
        if (!is_word(over_blanks(end), "import")) return 1; /* a text */
        return over_module(module, names) != 0;
    }
    if (!is_word(at, "import")) return 1;
    for (at = over_blanks(at + 6);; at = over_blanks(at + 1)) {
        if (!(at = over_module(at, names))) return 0;
        if (is_word(at, "as")) for (at = over_blanks(at + 2); is_name(*at); at++)
            ;
        at = over_blanks(at);
        if (*at != ',') return !*at || is_line_end(*at) || *at == ';' || *at == '#';
    }
}

/* Whether the two stars here are a power of anything but whole numbers, which are worked out exactly; before a name they are none. */
static int is_power(const char *text, const char *at)
{
    const char *before = at, *after = over_blanks(at + 2);
    while (before > text && (is_blank(before[-1]) || is_line_end(before[-1]) || before[-1] == '\\')) before--;
    if (before == text || !(is_name(before[-1]) || is_foreign(before[-1]) || holds_letter((const char[]){ before[-1], 0 }, ")]}'\"."))) return 0;
    if (!is_digit(*after)) return 1;
    while (is_digit(*after)) after++;
    while (before > text && is_digit(before[-1])) before--;
    return is_name(*after) || *after == '.' || (before > text && (is_name(before[-1]) || before[-1] == '.')) || !is_digit(*before);
}

/* Whether a text that ends with a zero can load only these modules. */
static int is_harmless(const char *text, size_t size, const char *names)
{
    struct hunt hunt;
    int lines = 0;
    if (length(text) != size || !prepare(&hunt, LOADERS) || meets(&hunt, text, size)) return 0;
    for (const char *at = text; *at; at++) {
        int begin = at == text || is_line_end(at[-1]) || at[-1] == ';' || at[-1] == ':';
        /* Another encoding may hide what stands there. */
        if (lines < 2 && begins(at, "coding") && !begins(at + 6, ": utf-8") && !begins(at + 6, ":utf-8") && !begins(at + 6, "=utf-8")) return 0;
        lines += is_line_end(*at);
        if (begin && !loads_only(over_blanks(at), names)) return 0;
        if (at[0] == '*' && at[1] == '*' && is_power(text, at)) return 0;
        if (is_digit(*at) && (at[1] == 'j' || at[1] == 'J') && !is_name(at[2])) return 0;
    }
    return 1;
}

int imports_only(char **argv, const char *names)
{
    char text[MAX_SCRIPT + 1], folder[MAX_PATH];
    const char *script = argv[1], *last = script;
    if (!script || !*script) return 0;
    if (equal(script, "-c")) return argv[2] && is_harmless(argv[2], length(argv[2]), names) && holds_no_module(".", names);
    if (*script == '-') return 0;
    for (const char *c = script; *c; c++) if (*c == '/') last = c + 1;
    if ((size_t)(last - script) >= sizeof folder) return 0;
    char *end = folder;
    for (const char *c = script; c < last; c++) *end++ = *c;
    *end = 0;
    long file = call(OPENAT, HERE, (long)script, CLOSE_ON_EXEC | NO_LINK, 0, 0, 0), size;
    if (file < 0) return 0;
    size = read_at(file, text, MAX_SCRIPT, 0);
    close_file(file);
    if (size < 0 || size == MAX_SCRIPT) return 0;
    text[size] = 0;
    return is_harmless(text, (size_t)size, names) && holds_no_module(*folder ? folder : ".", names);
}
