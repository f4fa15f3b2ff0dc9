/*
 * What a twin of an interpreter is told in place of what this machine would say. The loader brings it in before the program
 * (the rule `preload` of handler.c), so that these functions are found before those of the C library.
 *
 *   dlopen     modules of the image lie in its own folders and are for its CPU: the twin of each lies in the pack, under its
 *              path from the folder of libraries, or the one above, on, with commas for slashes. Where the pack has none, the program ends and says so:
 *              a script that goes on without a module would do something else.
 *   readlink   /proc/self/exe is the program of the image, as under QEMU
 *   uname      the machine is that of the image
 *   syscall    numbers are those of the image's CPU: nobody could do them here
 *
 * No headers of a libc are read, as in handler.c.
 */
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t;

extern void *dlsym(void *, const char *);
extern char *realpath(const char *, char *);
extern ssize_t write(int, const void *, size_t);
extern void _exit(int) __attribute__((noreturn));

#define SHOWN __attribute__((visibility("default")))
#define NEXT ((void *)-1l)

/* Whoever makes a pack writes the path of the program, the folder of libraries with a slash, and the machine here (src/emulation/packs/guest.ts). */
#define ROOM 256
static const volatile char TEXTS[3][ROOM] = { "@program@", "@libraries@", "@machine@" };
#define PROGRAM ((const char *)TEXTS[0])
#define LIBRARIES ((const char *)TEXTS[1])
#define MACHINE ((const char *)TEXTS[2])

static size_t length(const char *text) { size_t n = 0; while (text[n]) n++; return n; }
static int begins(const char *text, const char *with) { while (*with) if (*text++ != *with++) return 0; return 1; }
static int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

static void say(const char *text) { ssize_t done = write(2, text, length(text)); (void)done; }

__attribute__((noreturn)) static void stop(const char *what)
{
    say("xbuild: the native twin of "), say(PROGRAM), say(" has nothing in place of "), say(what);
    say(". Build with --accel=off\n");
    _exit(125);
}

SHOWN void *dlopen(const char *path, int mode)
{
    void *(*real)(const char *, int) = (void *(*)(const char *, int))dlsym(NEXT, "dlopen");
    char file[4096], name[512]; /* PATH_MAX */
    size_t size = 0;
    if (!path || *path != '/' || !realpath(path, file)) return real(path, mode);
    size_t folder = length(LIBRARIES);
    if (!begins(file, LIBRARIES)) {
        size_t same = 0;
        while (file[same] && file[same] == LIBRARIES[same]) same++;
        for (folder--; LIBRARIES[folder - 1] != '/'; folder--) if (folder == 1) stop(path);
        if (same < folder) stop(path);
    }
    for (const char *at = file + folder; *at; at++) {
        if (size + 1 == sizeof name) stop(path);
        name[size++] = (char)(*at == '/' ? ',' : *at);
    }
    name[size] = 0;
    void *found = real(name, mode);
    if (!found) stop(path);
    return found;
}

SHOWN ssize_t readlink(const char *path, char *to, size_t size)
{
    if (!equal(path, "/proc/self/exe")) return ((ssize_t (*)(const char *, char *, size_t))dlsym(NEXT, "readlink"))(path, to, size);
    size_t most = length(PROGRAM);
    if (most > size) most = size;
    for (size_t i = 0; i < most; i++) to[i] = PROGRAM[i];
    return (ssize_t)most;
}

/* struct utsname: texts of 65 letters, the fifth of which is the machine. */
SHOWN int uname(char *names)
{
    int done = ((int (*)(char *))dlsym(NEXT, "uname"))(names);
    for (size_t i = 0; done == 0 && i <= length(MACHINE); i++) names[4 * 65 + i] = MACHINE[i];
    return done;
}

SHOWN long syscall(long number, ...)
{
    (void)number;
    stop("syscall");
}
