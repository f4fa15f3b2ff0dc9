#include "rules.h"
#include "arguments.h"
#include "conditions.h"
#include "digest.h"

/* Of several lines one must hold; where there is none, nothing need. */
struct choice { int given, met; };

/* Digest of the script that an interpreter is started for, with no option but -w; empty when nothing is known of it. */
static void script_digest(char **argv, char *hex)
{
    const char *script = argv[1] && equal(argv[1], "-w") ? argv[2] : argv[1];
    *hex = 0;
    if (script && *script && *script != '-' && !digest_of(script, hex)) *hex = 0;
}

int follow(char *rules, struct start *start)
{
    int left_out = 0;
    struct choice beginning = { 0, 0 }, text = { 0, 0 };
    char digest[DIGEST_ROOM] = "";
    for (char *line = rules, *next; *line; line = next) {
        for (next = line; *next && *next != '\n'; next++)
            ;
        if (*next) *next++ = 0;
        char *value = cut(line);
        if (equal(line, "end")) { left_out = 0; continue; }
        if (left_out || !*line || *line == '#') continue;
        int known = holds(start, line, value);
        if (known == FAILS) return 0;
        if (known == HOLDS) continue;
        if (equal(line, "unless")) {
            left_out = has_argument(start->argv, value, equal);
        } else if (equal(line, "begin")) {
            beginning.given = 1;
            beginning.met |= begin_with(start->argv, value);
        } else if (equal(line, "text")) {
            if (!text.given) script_digest(start->argv, digest);
            text.given = 1;
            text.met |= *digest && length(value) >= 32 && begins(digest, value);
        } else if (!arrange(start, line, value)) return 0;
    }
    return (start->file || start->folder) && beginning.met == beginning.given && text.met == text.given;
}
