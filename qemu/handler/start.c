#include "start.h"
#include "calls.h"
#include "engine.h"

char *value_of(char **env, const char *name, size_t size)
{
    for (; *env; env++) {
        size_t i = 0;
        while (i < size && (*env)[i] == name[i]) i++;
        if (i == size && (*env)[i] == '=') return *env + size + 1;
    }
    return 0;
}

static int add_path(struct start *start, char *name, char *folders)
{
    size_t size = length(name);
    char *old = value_of(start->env, name, size), *made = start->room.at;
    put(&start->room, name), put(&start->room, "=");
    if (old && *old) put(&start->room, old), put(&start->room, ":");
    put(&start->room, folders);
    if (start->room.over) return 0;
    start->room.at++;
    for (long i = 0; old && i < start->variables; i++)
        if (start->env[i] + size + 1 == old) { start->env[i] = made; return 1; }
    start->env[start->variables++] = made;
    start->env[start->variables] = 0;
    return 1;
}

/* Puts NAME=VALUE into the environment, NAME of `size` letters, unless it has a value there. */
static void set_default(struct start *start, char *variable, size_t size)
{
    char *old = value_of(start->env, variable, size);
    if (old && *old) return;
    for (long i = 0; old && i < start->variables; i++)
        if (start->env[i] + size + 1 == old) { start->env[i] = variable; return; }
    start->env[start->variables++] = variable;
    start->env[start->variables] = 0;
}

/* ARG OLD NEW: after each ARG there must be OLD, and the twin gets NEW. */
static int swap_values(struct start *start, char *before)
{
    char *old = cut(before), *made = cut(old);
    if (!*made || start->swap[0]) return 0;
    for (char **argument = start->argv + 1; *argument; argument++)
        if (equal(*argument, before) && (!argument[1] || !equal(argument[1], old))) return 0;
    start->swap[0] = before, start->swap[1] = made;
    return 1;
}

int arrange(struct start *start, const char *word, char *value)
{
    if (equal(word, "swap")) return swap_values(start, value);
    if (equal(word, "path")) {
        char *folders = cut(value);
        return *folders && ++start->new_variables <= MAX_ADDED && add_path(start, value, folders);
    }
    if (equal(word, "env")) {
        size_t size = 0;
        while (value[size] && value[size] != '=') size++;
        if (++start->new_variables > MAX_ADDED) return 0;
        set_default(start, value, size);
        return 1;
    }
    if (equal(word, "add")) {
        if (start->added == MAX_ADDED) return 0;
        start->more[start->added++] = value;
        return 1;
    }
    if (equal(word, "load")) {
        start->folder = value, start->program = cut(value);
        return *start->program != 0;
    }
    if (equal(word, "preload")) return start->library = value, 1;
    if (equal(word, "exec")) return start->file = value, 1;
    return 0; /* written for a newer handler */
}

void become(struct start *start, long count)
{
    char *argv[MAX_ARGS + 16], paths[3][MAX_PATH];
    long n = 0;
    if (!start->file) {
        const char *parts[3][2] = { { "/lib/ld.so", "" }, { "/lib", "" }, { "/bin/", start->program } };
        for (int i = 0; i < 3; i++) {
            struct text path = { paths[i], paths[i] + MAX_PATH, 0 };
            put(&path, start->folder), put(&path, parts[i][0]), put(&path, parts[i][1]);
            if (path.over) return;
        }
        argv[n++] = paths[0];
        argv[n++] = "--inhibit-cache"; /* the image's is for other libraries */
        argv[n++] = "--library-path";
        argv[n++] = paths[1];
        if (start->library) argv[n++] = "--preload", argv[n++] = start->library;
        argv[n++] = "--argv0";
        argv[n++] = start->argv[0];
        argv[n++] = paths[2];
    } else {
        argv[n++] = start->argv[0];
    }
    for (long i = 0; i < start->added; i++) argv[n++] = start->more[i];
    for (long i = 1; i < count; i++)
        argv[n++] = start->swap[0] && i > 1 && equal(start->argv[i - 1], start->swap[0]) ? start->swap[1] : start->argv[i];
    argv[n] = 0;
    call(EXECVE, (long)(start->file ? start->file : paths[0]), (long)argv, (long)start->env, 0, 0, 0);
}
