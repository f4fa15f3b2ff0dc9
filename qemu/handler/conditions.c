#include "conditions.h"
#include "arguments.h"
#include "awk.h"
#include "build-id.h"
#include "calls.h"
#include "engine.h"
#include "folders.h"
#include "shell.h"
#include "users.h"

/* Whether an open file has this path. */
static int is_at(long file, const char *path)
{
    char found[MAX_PATH + 1];
    return path_of(file, found) && equal(found, path);
}

/* Whether every argument that begins so is this one. */
static int is_only(char **argv, const char *beginning, const char *whole)
{
    for (char **argument = argv + 1; *argument; argument++)
        if (begins(*argument, beginning) && !equal(*argument, whole)) return 0;
    return 1;
}

/* Whether of arguments that begin so there is only this one, and the value follows it. */
static int has_only(char **argv, const char *beginning, const char *value)
{
    for (char **argument = argv + 1; *argument; argument++)
        if (begins(*argument, beginning) && (!equal(*argument, beginning) || !argument[1] || !equal(argument[1], value))) return 0;
    return 1;
}

static int has_variable(char **env, const char *variable)
{
    for (; *env; env++) if (equal(*env, variable)) return 1;
    return 0;
}

/* Whether a name is a path, or its last part. */
static int is_name_of(const char *name, const char *path)
{
    const char *last = path;
    for (const char *c = path; *c; c++) if (*c == '/') last = c + 1;
    return equal(name, path) || equal(name, last);
}

/* Whether all variables that begin so are among these names. */
static int are_among(char **env, const char *beginning, const char *names)
{
    char name[MAX_ID + 1];
    for (; *env; env++) {
        size_t size = 0;
        if (!begins(*env, beginning)) continue;
        for (; (*env)[size] && (*env)[size] != '='; size++) {
            if (size == MAX_ID) return 0;
            name[size] = (*env)[size];
        }
        name[size] = 0;
        if (!is_among(name, names)) return 0;
    }
    return 1;
}

/* A path, below the folder HOME where it begins with ~/; nothing when that is not known. `room` is for MAX_PATH letters. */
static const char *from_home(const char *path, char **env, char *room)
{
    if (!begins(path, "~/")) return path;
    const char *home = value_of(env, "HOME", 4);
    struct text text = { room, room + MAX_PATH, 0 };
    if (!home || *home != '/') return 0;
    put(&text, home), put(&text, path + 1);
    return text.over ? 0 : room;
}

static int of_arguments(char **argv, const char *word, char *value)
{
    if (equal(word, "below")) return lie_below(argv, value);
    if (equal(word, "skip")) return !has_argument(argv, value, begins);
    if (equal(word, "alone")) {
        char *whole = cut(value);
        return is_only(argv, value, whole);
    }
    if (equal(word, "both")) {
        char *other = cut(value);
        return !has_argument(argv, value, begins) || !has_argument(argv, other, begins);
    }
    if (equal(word, "first")) return has_first(argv, value);
    if (equal(word, "some")) return has_some(argv, value);
    if (equal(word, "none")) return !has_some(argv, value);
    if (equal(word, "ending")) return !has_argument(argv, value, ends);
    if (equal(word, "flags")) return !has_letters(argv, value, 1);
    if (equal(word, "lacks")) return !has_letters(argv, value, 0);
    if (equal(word, "nowhere")) return !has_argument(argv, value, contains);
    if (equal(word, "script")) return is_calm(argv, value);
    if (equal(word, "with")) {
        char *only = cut(value);
        return has_only(argv, value, only);
    }
    return NO_CONDITION;
}

static int of_surroundings(const struct start *start, const char *word, char *value)
{
    char room[MAX_PATH];
    if (equal(word, "absent")) {
        const char *path = from_home(value, start->env, room);
        return path && !is_there(path);
    }
    if (equal(word, "files")) {
        char *end = cut(value), *names = cut(end);
        const char *folder = from_home(value, start->env, room);
        return folder && *end && holds_only(folder, end, names);
    }
    if (equal(word, "called")) return is_among(start->path, value) && is_name_of(start->argv[0], start->path);
    if (equal(word, "kept")) {
        char *digest = cut(value), found[DIGEST_ROOM];
        uint32_t state[8];
        if (!is_there(value)) return 1;
        if (length(digest) < 32 || !digest_open(open_file(value), state)) return 0;
        digest_hex(state, found);
        return begins(found, digest);
    }
    if (equal(word, "among")) {
        char *names = cut(value);
        return are_among(start->env, value, names);
    }
    if (equal(word, "at")) return is_at(start->own, value);
    if (equal(word, "without")) return !value_of(start->env, value, length(value));
    if (equal(word, "not")) return !has_variable(start->env, value);
    if (equal(word, "same")) {
        char *id = cut(value);
        return has_id(value, id);
    }
    if (equal(word, "alike")) {
        char *id = cut(value);
        return !is_there(value) || has_id(value, id);
    }
    if (equal(word, "either")) {
        char *values = cut(value), *set = value_of(start->env, value, length(value));
        return !set || !*set || is_among(set, values);
    }
    return NO_CONDITION;
}

int holds(const struct start *start, const char *word, char *value)
{
    if (equal(word, "names")) return holds_names(start->argv);
    if (equal(word, "operand")) return has_operand(start->argv);
    if (equal(word, "users")) return users_in_files();
    if (equal(word, "fractions")) return is_calm(start->argv, 0);
    if (equal(word, "awk")) return is_plain_awk_call(start->argv);
    if (!*value) return FAILS; /* all others have one */
    int known = of_arguments(start->argv, word, value);
    return known != NO_CONDITION ? known : of_surroundings(start, word, value);
}
