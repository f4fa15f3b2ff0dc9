/*
 * What a twin of an interpreter is told in place of what this machine would say. The loader brings it in before the program
 * (the rule `preload`, rules.h), so that these functions are found before those of the C library.
 *
 *   dlopen     modules of the image lie in its own folders and are for its CPU: the twin of each lies in the pack, under its
 *              path from the folder of libraries, or the one above, on, with commas for slashes. Where the pack has none, the program ends and says so:
 *              a script that goes on without a module would do something else.
 *   readlink   /proc/self/exe is the program of the image, as under QEMU
 *   uname      the machine is that of the image
 *   fopen      /proc/cpuinfo is what an emulated program reads there: QEMU may tell of another CPU than this machine's
 *   syscall    of Perl, numbers are those of the image's CPU: nobody could do them here. Of others they are of this machine's, and those
 *              that QEMU does not know are not there
 *
 * No headers of a libc are read, as in the handler.
 */
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t;

extern void *dlsym(void *, const char *);
extern char *realpath(const char *, char *);
extern ssize_t write(int, const void *, size_t);
extern void _exit(int) __attribute__((noreturn));
extern void *popen(const char *, const char *);
extern int pclose(void *);
extern size_t fread(void *, size_t, size_t, void *);
extern int memfd_create(const char *, unsigned);
extern ssize_t lseek(int, ssize_t, int);
extern void *fdopen(int, const char *);
extern int *__errno_location(void);

#define SHOWN __attribute__((visibility("default")))
#define NEXT ((void *)-1l)

/*
 * Whoever makes a pack writes the path of the program, the folder of libraries with a slash, the machine, and whose numbers system calls
 * have here (src/emulation/packs/guest.ts).
 */
#define ROOM 256
static const volatile char TEXTS[4][ROOM] = { "@program@", "@libraries@", "@machine@", "@calls@" };
#define PROGRAM ((const char *)TEXTS[0])
#define LIBRARIES ((const char *)TEXTS[1])
#define MACHINE ((const char *)TEXTS[2])
#define CALLS ((const char *)TEXTS[3])

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

/* What an emulated program reads in /proc/cpuinfo, as a file that can be read from any place on. */
static void *emulated_cpuinfo(const char *mode)
{
    char part[4096];
    size_t size;
    int file = memfd_create("cpuinfo", 1 /* closed on exec */);
    void *pipe = popen("exec cat /proc/cpuinfo", "re");
    int good = file >= 0 && pipe;
    while (good && (size = fread(part, 1, sizeof part, pipe)) > 0) good = write(file, part, size) == (ssize_t)size;
    if (!good || pclose(pipe) != 0 || lseek(file, 0, 0) != 0) stop("/proc/cpuinfo");
    return fdopen(file, mode);
}

static void *open_stream(const char *kind, const char *path, const char *mode)
{
    if (path && equal(path, "/proc/cpuinfo") && *mode == 'r') return emulated_cpuinfo(mode);
    return ((void *(*)(const char *, const char *))dlsym(NEXT, kind))(path, mode);
}

SHOWN void *fopen(const char *path, const char *mode) { return open_stream("fopen", path, mode); }
SHOWN void *fopen64(const char *path, const char *mode) { return open_stream("fopen64", path, mode); }

SHOWN long syscall(long number, long a, long b, long c, long d, long e, long f)
{
    if (!equal(CALLS, "own")) stop("syscall");
    if (number >= 425 && number <= 427) { /* io_uring, on every CPU */
        *__errno_location() = 38; /* ENOSYS */
        return -1;
    }
    return ((long (*)(long, long, long, long, long, long, long))dlsym(NEXT, "syscall"))(number, a, b, c, d, e, f);
}
