#include "folders.h"
#include "calls.h"
#include "engine.h"
#include "text.h"

struct entry { uint64_t file, next; uint16_t size; unsigned char type; char name[]; }; /* of getdents64 */
enum { A_FOLDER = 4, A_FILE = 8 };

static long list(long folder, char *entries, long size) { return call(GETDENTS, folder, (long)entries, size, 0, 0, 0); }
static long open_in(long folder, const char *name) { return call(OPENAT, folder, (long)name, CLOSE_ON_EXEC | NO_LINK, 0, 0, 0); }

/* Adds the digest of a file, which is closed; `path` goes on at `end`, with room for its digest. */
static int add_file(long file, const char *path, char *end, uint32_t *sum)
{
    uint32_t own[8], both[8];
    if (!digest_open(file, own)) return 0;
    *end++ = 0;
    for (int i = 0; i < 32; i++) *end++ = (char)(own[i / 4] >> (24 - i % 4 * 8));
    if (!digest_text(path, (size_t)(end - path), both)) return 0;
    for (int i = 0; i < 8; i++) sum[i] += both[i];
    return 1;
}

/* Adds all files below an open folder, which is closed; `path` goes on at `end`. */
static int add_tree(long folder, char *path, char *end, uint32_t *sum)
{
    char entries[2048] __attribute__((aligned(8)));
    long size, fine = folder >= 0 && end - path < MAX_PATH / 2;
    while (fine && (size = list(folder, entries, sizeof entries)) != 0) {
        fine = size > 0;
        for (long at = 0; fine && at < size;) {
            const struct entry *entry = (const struct entry *)(entries + at);
            char *after = end;
            at += entry->size;
            for (const char *c = entry->name; *c; c++) *after++ = *c; /* NAME_MAX is 255 */
            *after = 0;
            if (entry->type == A_FOLDER) {
                if (equal(entry->name, ".") || equal(entry->name, "..") || equal(entry->name, "__pycache__")) continue;
                *after++ = '/', *after = 0;
                fine = add_tree(open_in(folder, entry->name), path, after, sum);
            } else if (entry->type != A_FILE || ends(entry->name, ".so")) {
                fine = 0;
            } else if (ends(entry->name, ".py")) {
                fine = add_file(open_in(folder, entry->name), path, after, sum);
            }
        }
    }
    if (folder >= 0) close_file(folder);
    return (int)fine;
}

int tree_digest(const char *folder, char *hex)
{
    char path[MAX_PATH];
    uint32_t sum[8] = { 0 };
    *path = 0;
    if (!add_tree(open_in(HERE, folder), path, path, sum)) return 0;
    digest_hex(sum, hex);
    return 1;
}

int holds_only(const char *folder, const char *end, const char *names)
{
    char entries[2048] __attribute__((aligned(8)));
    long file = open_file(folder), size, fine = 1;
    if (file < 0) return file == -2; /* ENOENT */
    while (fine && (size = list(file, entries, sizeof entries)) != 0) {
        fine = size > 0;
        for (long at = 0; fine && at < size; at += ((const struct entry *)(entries + at))->size) {
            const char *name = ((const struct entry *)(entries + at))->name;
            if (ends(name, end)) fine = is_among(name, names);
        }
    }
    close_file(file);
    return (int)fine;
}

/* Whether an entry of a folder is a module by one of these names. */
static int is_module(const struct entry *entry, const char *names)
{
    char name[256 + 1] = "-";
    size_t size = 0;
    for (; entry->name[size] && entry->name[size] != '.'; size++) name[size + 1] = entry->name[size];
    name[size + 1] = 0;
    if (!is_among(name + 1, names) && !is_among(name, names)) return 0;
    const char *rest = entry->name + size;
    return *rest ? equal(rest, ".py") || equal(rest, ".pyc") || ends(rest, ".so") : entry->type != A_FILE;
}

int holds_no_module(const char *folder, const char *names)
{
    char entries[2048] __attribute__((aligned(8)));
    long file = open_file(folder), size, fine = file >= 0;
    while (fine && (size = list(file, entries, sizeof entries)) != 0) {
        fine = size > 0;
        for (long at = 0; fine && at < size; at += ((const struct entry *)(entries + at))->size)
            fine = !is_module((const struct entry *)(entries + at), names);
    }
    if (file >= 0) close_file(file);
    return (int)fine;
}

int path_of(long file, char *path)
{
    char name[sizeof "/proc/self/fd/" + 20] = "/proc/self/fd/", digits[20];
    char *at = name + sizeof "/proc/self/fd/" - 1;
    int count = 0;
    do digits[count++] = (char)('0' + file % 10); while (file /= 10);
    while (count) *at++ = digits[--count];
    *at = 0;
    long size = call(READLINKAT, HERE, (long)name, (long)path, MAX_PATH, 0, 0);
    path[size > 0 ? size : 0] = 0;
    return size > 0 && size < MAX_PATH;
}

/* The same of a file by its name. */
static int real_path(const char *name, char *path)
{
    long file = open_file(name);
    int known = file >= 0 && path_of(file, path);
    if (file >= 0) close_file(file);
    return known;
}

int is_loaded(const char *script, const char *tree)
{
    char beside[MAX_PATH + 1], own[MAX_PATH + 1];
    char *end = beside;
    const char *name = own;
    if (!real_path(script, beside) || !real_path(tree, own)) return 0;
    for (char *c = beside; *c; c++) if (*c == '/') end = c;
    for (const char *c = own; *c; c++) if (*c == '/') name = c + 1;
    /* The tree itself may lie there */
    *end = 0;
    if (end - beside == name - 1 - own && begins(own, beside)) return 1;
    return holds_no_module(*beside ? beside : "/", name);
}
