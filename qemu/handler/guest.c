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
#include "staying.h"

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

/*
 * Of Python: numbers that it works out in compiling are kept in byte code. Powers, and products and quotients of complex numbers, are worked out
 * by the image's own Python where they need not be rounded alike on both CPUs. What is no number has a sign, which is the CPU's.
 */
union bits { double number; unsigned char bytes[8]; };
struct complex { double real, imag; };

static int is_whole(double x) { return x >= -0x1p53 && x <= 0x1p53 && x == (double)(long)x; }
static int is_power_of_two(double x) /* and no denormal number */
{
    union bits bits = { x };
    for (int i = 0; i < 6; i++) if (bits.bytes[i]) return 0;
    return !(bits.bytes[6] & 15) && (bits.bytes[7] & 0x7f || bits.bytes[6]);
}
static int is_finite(double x) { return x - x == 0; }

/* What the image's Python makes of a, b, c and d. */
static struct complex ask_python(const char *expression, const double *numbers)
{
    double made[2];
    if (!ask_staying(PROGRAM, expression, numbers, made)) stop("a number that is rounded");
    return (struct complex){ made[0], made[1] };
}

static int is_python;

/*
 * Whether every pow with an error below 0.54 units in the last place, as that of the GNU C library is, makes this: the true value, of which
 * a longer number tells ten more bits, is not so near to the middle between two numbers.
 */
static int is_clear(double x, double y, double made)
{
    long double (*longer)(long double, long double) = (long double (*)(long double, long double))dlsym(NEXT, "powl");
    union bits bits = { made < 0 ? -made : made }, next = bits;
    int exponent = bits.bytes[7] << 4 | bits.bytes[6] >> 4;
    if (!longer || exponent < 2 || exponent > 2045 || is_power_of_two(made) || next.bytes[0] == 0xff) return 0;
    next.bytes[0]++;
    long double away = (longer(x, y) - made) / (next.number - bits.number);
    return away < 0.44L && away > -0.44L;
}

SHOWN double pow(double x, double y)
{
    double made = ((double (*)(double, double))dlsym(NEXT, "pow"))(x, y);
    /* What has an exact result is right everywhere, and what has none ends in an error. */
    int exact = is_whole(x) && is_whole(y) && (y >= 0 || is_power_of_two(x)) && (is_whole(made) || is_power_of_two(made));
    if (!is_python || !is_finite(made) || exact || is_clear(x, y, made)) return made;
    int *error = __errno_location(), before = *error;
    made = ask_python("a ** b", (double[]){ x, y, 0, 0 }).real;
    *error = before;
    return made;
}

/* PyTypeObject.tp_as_number, and of PyNumberMethods what works out numbers, since Python 3.5. */
enum { AS_NUMBER = 12, ADD = 0, SUBTRACT = 1, MULTIPLY = 2, REST = 3, POWER = 5, FLOOR_DIVIDE = 29, DIVIDE = 30 };
typedef void *(*two)(void *, void *);
typedef void *(*three)(void *, void *, void *);
static void **float_type, **complex_type;
static two of_floats[DIVIDE + 1], of_complex[DIVIDE + 1];
static three power;

/* arm64 makes positive ones where x86 makes negative ones; those that were there before are passed on by both. */
static void *without_sign(void *one, void *other, void *made)
{
    double (*value_of)(void *) = (double (*)(void *))dlsym(0, "PyFloat_AsDouble");
    if (!made || ((void **)made)[1] != float_type) return made; /* NotImplemented, or an error */
    union bits bits = { value_of(made) };
    if (bits.number == bits.number) return made;
    for (int i = 0; i < 2; i++) {
        void *operand = i ? other : one;
        double value = ((void **)operand)[1] == float_type ? value_of(operand) : 0;
        if (value != value) return made;
    }
    bits.bytes[7] &= 0x7f;
    ((void (*)(void *))dlsym(0, "Py_DecRef"))(made);
    return ((void *(*)(double))dlsym(0, "PyFloat_FromDouble"))(bits.number);
}

static void *float_add(void *one, void *other) { return without_sign(one, other, of_floats[ADD](one, other)); }
static void *float_subtract(void *one, void *other) { return without_sign(one, other, of_floats[SUBTRACT](one, other)); }
static void *float_multiply(void *one, void *other) { return without_sign(one, other, of_floats[MULTIPLY](one, other)); }
static void *float_rest(void *one, void *other) { return without_sign(one, other, of_floats[REST](one, other)); }
static void *float_divide(void *one, void *other) { return without_sign(one, other, of_floats[DIVIDE](one, other)); }
static void *float_floor_divide(void *one, void *other) { return without_sign(one, other, of_floats[FLOOR_DIVIDE](one, other)); }

/* What came out, or what the image's Python makes of the same. */
static void *rounded(const char *expression, void *one, void *other, void *made)
{
    struct complex (*value_of)(void *) = (struct complex (*)(void *))dlsym(0, "PyComplex_AsCComplex");
    if (!made || ((void **)made)[1] != complex_type) return made; /* NotImplemented, or an error */
    struct complex a = value_of(one), b = value_of(other), c = value_of(made);
    int same = expression[1]         ? 0
               : *expression == '*'  ? a.real == 0 || a.imag == 0 || b.real == 0 || b.imag == 0
               : *expression == '/'  ? b.real == 0 || b.imag == 0
                                     : 1;
    if (same && is_finite(c.real) && is_finite(c.imag)) return made;
    char whole[64], *at = whole;
    const char *parts[] = { "complex(a, b) ", expression, " complex(c, d)" };
    for (int i = 0; i < 3; i++) for (const char *c = parts[i]; *c; c++) *at++ = *c;
    *at = 0;
    struct complex found = ask_python(whole, (double[]){ a.real, a.imag, b.real, b.imag });
    ((void (*)(void *))dlsym(0, "Py_DecRef"))(made);
    return ((void *(*)(double, double))dlsym(0, "PyComplex_FromDoubles"))(found.real, found.imag);
}

static void *complex_add(void *one, void *other) { return rounded("+", one, other, of_complex[ADD](one, other)); }
static void *complex_subtract(void *one, void *other) { return rounded("-", one, other, of_complex[SUBTRACT](one, other)); }
static void *complex_multiply(void *one, void *other) { return rounded("*", one, other, of_complex[MULTIPLY](one, other)); }
static void *complex_divide(void *one, void *other) { return rounded("/", one, other, of_complex[DIVIDE](one, other)); }
static void *complex_power(void *one, void *other, void *modulus) { return rounded("**", one, other, power(one, other, modulus)); }

static void replace(void **type, two *old, int slot, two with)
{
    void **table = type[AS_NUMBER];
    old[slot] = (two)table[slot];
    table[slot] = (void *)with;
}

__attribute__((constructor)) static void begin_python(void)
{
    float_type = dlsym(0, "PyFloat_Type"), complex_type = dlsym(0, "PyComplex_Type");
    if (!float_type || !complex_type) return;
    is_python = 1;
    replace(float_type, of_floats, ADD, float_add), replace(float_type, of_floats, SUBTRACT, float_subtract);
    replace(float_type, of_floats, MULTIPLY, float_multiply), replace(float_type, of_floats, REST, float_rest);
    replace(float_type, of_floats, DIVIDE, float_divide), replace(float_type, of_floats, FLOOR_DIVIDE, float_floor_divide);
    replace(complex_type, of_complex, ADD, complex_add), replace(complex_type, of_complex, SUBTRACT, complex_subtract);
    replace(complex_type, of_complex, MULTIPLY, complex_multiply), replace(complex_type, of_complex, DIVIDE, complex_divide);
    void **table = complex_type[AS_NUMBER];
    power = (three)table[POWER];
    table[POWER] = (void *)complex_power;
}
