#include "engine.h"
#include "build-id.h"
#include "calls.h"
#include "text.h"

#define STARTS "/dev/.xbuild/starts"
#define MAX_TOLD 256
#define MAX_STARTS (1l << 30)

void ask(const char *id, const char *path)
{
    struct { uint16_t family; char path[sizeof STEP "ask"]; } address = { 1, STEP "ask" };
    char said[MAX_ID + MAX_PATH + 4], answer;
    struct text line = { said, said + sizeof said, 0 };
    put(&line, id), put(&line, " "), put(&line, path), put(&line, "\n");
    long socket = call(SOCKET, 1, 1 | CLOSE_ON_EXEC, 0, 0, 0, 0);
    if (socket < 0) return;
    if (!line.over && call(CONNECT, socket, (long)&address, sizeof address, 0, 0, 0) == 0
        && call(SENDTO, socket, (long)said, line.at - said, 0x4000 /* no SIGPIPE */, 0, 0) == line.at - said)
        while (call(READ, socket, (long)&answer, 1, 0, 0, 0) == -4 /* EINTR */)
            ;
    close_file(socket);
}

void tell(const char *kind, const char *path)
{
    char line[MAX_TOLD + 4], *end = line + 2;
    uint64_t limit[2]; /* of the size of files: who writes beyond it is killed */
    size_t size = length(path);
    long file = call(OPENAT, HERE, (long)STARTS, 1 | 02000 | 04000 | NO_LINK | CLOSE_ON_EXEC /* to append, waiting for nobody */, 0, 0, 0);
    if (file < 0) return;
    line[0] = *kind, line[1] = ' ';
    for (path += size > MAX_TOLD ? size - MAX_TOLD : 0; *path; path++) *end++ = (char)(*path == '\n' ? '?' : *path);
    *end++ = '\n';
    if (call(PRLIMIT, 0, 1 /* RLIMIT_FSIZE */, 0, (long)limit, 0, 0) == 0 && limit[0] >= MAX_STARTS)
        call(WRITE, file, (long)line, end - line, 0, 0, 0);
    close_file(file);
}

int read_rules(const char *path, char *rules)
{
    long file = open_file(path);
    if (file < 0) return -1;
    long size = read_at(file, rules, MAX_RULES - 1, 0);
    close_file(file);
    if (size <= 0 || size == MAX_RULES - 1) return 0;
    rules[size] = 0;
    return 1;
}
