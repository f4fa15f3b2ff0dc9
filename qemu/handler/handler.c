/*
 * The handler: what runs first when binfmt_misc starts QEMU for a foreign program.
 *
 * It is appended to a static QEMU, which then begins here (src/emulation/packs/fuse.ts). When the engine holds a native twin of the
 * program - built from the same source, so that it writes the same bytes - the twin is started; in every other case, and whenever
 * anything is odd, `handle` returns and QEMU begins as if nothing had been before it: same stack, same registers, same open files.
 *
 * What the container sees, read-only, put there by the engine for one step:
 *
 *   /dev/.xbuild/step/names/NAME   programs that may have a twin; of all others nothing more is looked at
 *   /dev/.xbuild/step/rules/ID     how to start the twin of the program with that build-id; empty: there is none
 *   /dev/.xbuild/step/ask          a socket: "ID PATH\n" is answered by one byte once rules/ID is there
 *   /dev/.xbuild/packs/DIGEST/     native programs and their libraries
 *
 * and, writable, a file for one line on each program that is started, "KIND PATH\n" (src/engine/starts.ts); it need not be there:
 *
 *   /dev/.xbuild/starts            n: its twin, e: under QEMU, u: under QEMU after all, for the twin did not start
 *
 * rules.h says what a rule file means. guest.c and speculate.c are no part of the handler: they are libraries for twins of interpreters.
 *
 * Freestanding: no libc, no writable data, position independent.
 */
#include "handler.h"
#include "build-id.h"
#include "calls.h"
#include "engine.h"
#include "rules.h"

/* Of elf(5), which cross compilers need not have: no header of a libc is read. */
enum { AT_EXECFD = 2, AT_FLAGS = 8, AT_SECURE = 23 };

/* Starts the twin of the program whose file is open, or returns: 1 when that had been told. */
static int twin(long argc, char **argv, char **env, long file)
{
    char path[sizeof STEP + MAX_PATH], rules[MAX_RULES], id[MAX_ID + 4];
    const char *base = argv[1];
    for (const char *c = base; *c; c++) if (*c == '/') base = c + 1;
    struct text name = { path, path + sizeof path, 0 };
    put(&name, STEP "names/"), put(&name, base);
    if (!*base || name.over || !is_there(path)) return 0;

    /* Who looks into programs wants to look into the one that was asked for. */
    char *room[MAX_ENV + 16], words[16384];
    struct start start = { .argv = argv + 2, .env = room, .room = { words, words + sizeof words, 0 }, .own = file, .path = argv[1] };
    for (; env[start.variables]; start.variables++) {
        char *variable = env[start.variables];
        if (start.variables == MAX_ENV || (begins(variable, "LD_") && !begins(variable, "LD_LIBRARY_PATH=") && !begins(variable, "LD_RUN_PATH="))
            || begins(variable, "QEMU_") || begins(variable, "GLIBC_TUNABLES="))
            return 0;
        room[start.variables] = variable;
    }
    room[start.variables] = 0;
    if (is_there("/etc/ld.so.preload") || !build_id(file, id)) return 0;

    struct text rule = { path, path + sizeof path, 0 };
    put(&rule, STEP "rules/"), put(&rule, id);
    int found = read_rules(path, rules);
    if (found < 0) {
        ask(id, argv[1]);
        found = read_rules(path, rules);
    }
    if (found <= 0 || !follow(rules, &start)) return 0;
    /* The twin shall not inherit what only QEMU needs; closing it first would take it from QEMU if the twin cannot start. */
    call(FCNTL, file, 2 /* F_SETFD */, 1 /* FD_CLOEXEC */, 0, 0, 0);
    tell("n", argv[1]);
    become(&start, argc - 2);
    return 1;
}

void handle(long argc, char **argv, char **env, const struct auxiliary *auxiliary)
{
    long file = -1, flags = 0, set_id = 0;
    for (; auxiliary->type; auxiliary++) {
        if (auxiliary->type == AT_EXECFD) file = (long)auxiliary->value;
        if (auxiliary->type == AT_FLAGS) flags = (long)auxiliary->value;
        if (auxiliary->type == AT_SECURE) set_id = (long)auxiliary->value;
    }
    /* Bit 0: argv[0] was kept, which with the open file says that binfmt_misc started us as we registered it. */
    if (file < 0 || !(flags & 1) || set_id || argc < 3) return;
    tell(argc <= MAX_ARGS && twin(argc, argv, env, file) ? "u" : "e", argv[1]);
}
