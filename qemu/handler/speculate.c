/*
 * What a speculated program is told in place of what this machine would say, and how it ends the speculation. The loader brings it in
 * before the program, as guest.c; `lib/preload.cjs` of the pack does the rest in JavaScript.
 *
 *   dlopen     a module of the image is for its CPU, and nothing here can take its place: the speculation ends
 *   readlink   /proc/self/exe is the program of the image, as under QEMU
 *   open       so it is when it is read; what else of /proc tells how the process really runs ends the speculation. /proc/cpuinfo is the
 *              pack's, where QEMU shows another one than this machine's
 *   uname      the machine is that of the image
 *
 * The speculation ends by a line to the engine, "!REASON\n", which throws away all that the step has done; the answer comes when it knows, and
 * the program ends. The preload script does so by dlopen of END and the reason.
 *
 * No headers of a libc are read, as in the handler.
 */
typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t;

extern void *dlsym(void *, const char *);
extern int dladdr(const void *, void *);
extern int socket(int, int, int);
extern int connect(int, const void *, unsigned);
extern ssize_t send(int, const void *, size_t, int);
extern ssize_t read(int, void *, size_t);
extern int close(int);
extern int getpid(void);
extern int kill(int, int);
extern int usleep(unsigned);
extern void _exit(int) __attribute__((noreturn));

#define SHOWN __attribute__((visibility("default")))
#define NEXT ((void *)-1l)
#define END "/dev/.xbuild/end/"

/* Whoever makes a pack writes the path of the program, the machine, and the name of the file beside this one that is there for /proc/cpuinfo, if any. */
#define ROOM 256
static const volatile char TEXTS[3][ROOM] = { "@program@", "@machine@", "@cpuinfo@" };
#define PROGRAM ((const char *)TEXTS[0])
#define MACHINE ((const char *)TEXTS[1])
#define CPUINFO ((const char *)TEXTS[2])

static size_t length(const char *text) { size_t n = 0; while (text[n]) n++; return n; }
static int begins(const char *text, const char *with) { while (*with) if (*text++ != *with++) return 0; return 1; }
static int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

/* Tells the engine, and ends the process with all its threads. Without a free file, one is closed: nothing matters any more. */
__attribute__((noreturn)) static void end(const char *reason, const char *what)
{
    struct { unsigned short family; char path[sizeof "/dev/.xbuild/step/ask"]; } address = { 1, "/dev/.xbuild/step/ask" };
    char line[600], answer;
    size_t size = 0;
    line[size++] = '!';
    for (const char *c = reason; *c && size < 580; c++) line[size++] = *c;
    for (const char *c = what; *c && size < 598; c++) line[size++] = (char)(*c == '\n' ? '?' : *c);
    line[size++] = '\n';
    for (int attempt = 0; attempt < 600; attempt++) {
        int file = socket(1, 1 | 02000000, 0);
        if (file < 0) { close(attempt % 1000); continue; }
        if (connect(file, &address, sizeof address) == 0 && send(file, line, size, 0x4000) == (ssize_t)size) {
            while (read(file, &answer, 1) < 0) ;
            break;
        }
        close(file);
        usleep(10000);
    }
    kill(getpid(), 9);
    _exit(125);
}

SHOWN void *dlopen(const char *path, int mode)
{
    if (!path) return ((void *(*)(const char *, int))dlsym(NEXT, "dlopen"))(path, mode);
    if (begins(path, END)) end(path + length(END), "");
    end("a module of the image's CPU is loaded: ", path);
}

/* What follows /proc/ and this process. */
static const char *of_process(const char *path)
{
    if (!begins(path, "/proc/")) return 0;
    path += length("/proc/");
    if (begins(path, "self/")) return path + length("self/");
    if (begins(path, "thread-self/")) return path + length("thread-self/");
    int pid = 0;
    const char *digits = path;
    while (*path >= '0' && *path <= '9' && path - digits < 9) pid = pid * 10 + (*path++ - '0');
    return path > digits && *path == '/' && pid == getpid() ? path + 1 : 0;
}

SHOWN ssize_t readlink(const char *path, char *to, size_t size)
{
    const char *name = of_process(path);
    if (!name || !equal(name, "exe")) return ((ssize_t (*)(const char *, char *, size_t))dlsym(NEXT, "readlink"))(path, to, size);
    size_t most = length(PROGRAM);
    if (most > size) most = size;
    for (size_t i = 0; i < most; i++) to[i] = PROGRAM[i];
    return (ssize_t)most;
}

/* The path of a file in the folder of this library. */
static const char *beside(const char *name)
{
    static char path[512];
    struct { const char *file; void *base; const char *symbol; void *address; } found = { 0, 0, 0, 0 };
    size_t size = 0, folder = 0;
    if (!dladdr((const void *)(size_t)TEXTS, &found) || !found.file) end("nobody knows where the library of the twin lies", "");
    for (const char *c = found.file; *c && size < 400; c++) if ((path[size++] = *c) == '/') folder = size;
    for (size = folder; *name; name++) path[size++] = *name;
    path[size] = 0;
    return path;
}

static const char *shown(const char *path)
{
    if (*path != '/' || !begins(path, "/proc/")) return path;
    if (equal(path, "/proc/cpuinfo") && *CPUINFO) return beside(CPUINFO);
    const char *name = of_process(path);
    if (!name) return path;
    if (equal(name, "exe")) return PROGRAM;
    static const char *const telling[] = { "maps", "smaps", "smaps_rollup", "numa_maps", "auxv", "cmdline", "mem", "map_files", "pagemap" };
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
        if (equal(name, telling[i])) end("it reads ", path);
    return path;
}

SHOWN int open(const char *path, int flags, unsigned mode)
{
    return ((int (*)(const char *, int, ...))dlsym(NEXT, "open"))(shown(path), flags, mode);
}

SHOWN int open64(const char *path, int flags, unsigned mode)
{
    return ((int (*)(const char *, int, ...))dlsym(NEXT, "open64"))(shown(path), flags, mode);
}

/* struct utsname: texts of 65 letters, the fifth of which is the machine. */
SHOWN int uname(char *names)
{
    int done = ((int (*)(char *))dlsym(NEXT, "uname"))(names);
    for (size_t i = 0; done == 0 && i <= length(MACHINE); i++) names[4 * 65 + i] = MACHINE[i];
    return done;
}
