#include "rules.h"
#include "arguments.h"
#include "calls.h"
#include "conditions.h"
#include "digest.h"
#include "folders.h"
#include "imports.h"

/* Of several lines one must hold; where there is none, nothing need. */
struct choice { int given, met; };

/* The script that an interpreter is started for, with no option but -w. */
static const char *script_of(char **argv) { return argv[1] && equal(argv[1], "-w") ? argv[2] : argv[1]; }

/* Its digest, or that of the text after -c; empty when nothing is known of it. */
static void script_digest(char **argv, char *hex)
{
    uint32_t state[8];
    const char *script = script_of(argv);
    *hex = 0;
    if (!script || !*script) return;
    int known = equal(script, "-c") ? argv[2] && digest_text(argv[2], length(argv[2]), state)
                                    : *script != '-' && digest_open(open_file(script), state);
    if (known) digest_hex(state, hex);
}

/* Whether a digest begins so; followed by a folder and the digest of its files, these must be so, too, and be what the script loads. */
static int is_known(const char *digest, char *line, const char *script)
{
    char *folder = cut(line), *tree = cut(folder), found[DIGEST_ROOM];
    if (!*digest || length(line) < 32 || !begins(digest, line)) return 0;
    if (!*folder) return 1;
    return length(tree) >= 32 && is_loaded(script, folder) && tree_digest(folder, found) && begins(found, tree);
}

int follow(char *rules, struct start *start)
{
    int left_out = 0, any = 0;
    struct choice beginning = { 0, 0 }, text = { 0, 0 }, imported = { 0, 0 };
    char digest[DIGEST_ROOM] = "";
    for (char *line = rules, *next; *line; line = next) {
        for (next = line; *next && *next != '\n'; next++)
            ;
        if (*next) *next++ = 0;
        char *value = cut(line);
        if (equal(line, "end")) { left_out = 0; continue; }
        if (left_out || !*line || *line == '#') continue;
        if (equal(line, "any")) { any = 1; continue; }
        int known = holds(start, line, value);
        if (known == FAILS) return 0;
        if (known == HOLDS) continue;
        if (equal(line, "unless")) {
            left_out = has_argument(start->argv, value, equal);
        } else if (equal(line, "if")) {
            left_out = !has_argument(start->argv, value, equal);
        } else if (equal(line, "begin")) {
            beginning.given = 1;
            beginning.met |= begin_with(start->argv, value);
        } else if (equal(line, "text")) {
            if (!text.given) script_digest(start->argv, digest);
            text.given = 1;
            text.met |= is_known(digest, value, script_of(start->argv));
        } else if (equal(line, "imports")) {
            imported.given = 1;
            imported.met |= imports_only(start->argv, value);
        } else if (!arrange(start, line, value)) return 0;
    }
    if (!start->file && !start->folder) return 0;
    if (any) return beginning.met || text.met || imported.met;
    return beginning.met == beginning.given && text.met == text.given && imported.met == imported.given;
}
