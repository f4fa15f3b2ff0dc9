#include "staying.h"

typedef __SIZE_TYPE__ size_t;
typedef __PTRDIFF_TYPE__ ssize_t;

extern int socketpair(int, int, int, int *);
extern ssize_t send(int, const void *, size_t, int);
extern ssize_t recv(int, void *, size_t, int);
extern int fcntl(int, int, ...);
extern int fstat(int, void *);
extern int close(int);
extern int close_range(unsigned, unsigned, int);
extern int dup2(int, int);
extern int fork(void);
extern int getpid(void);
extern int waitpid(int, int *, int);
extern int execv(const char *, char *const *);
extern void _exit(int) __attribute__((noreturn));
extern int *__errno_location(void);

enum { UNIX = 1, STREAM = 1, CLOSE_ON_EXEC = 02000000, DUPLICATE = 1030 /* closed on exec */, QUIETLY = 0x4000 /* no SIGPIPE */ };
enum { INTERRUPTED = 4, ANSWER = 33, APART = 500 };

/* It answers each line, and ends with whom it answers. */
static char LOOP[] = "from struct import *\n"
                     "for line in open(0, 'rb'):\n"
                     "    numbers, what = line.split(b' ', 1)\n"
                     "    a, b, c, d = unpack('<4d', bytes.fromhex(numbers.decode()))\n"
                     "    r = complex(eval(what))\n"
                     "    print(pack('<2d', r.real, r.imag).hex(), flush=True)\n";

union bits { double number; unsigned char bytes[8]; };
union status { unsigned long words[32]; }; /* struct stat begins with device and inode */

/* The socket to it, as it was when this process made it. */
static int line = -1, owner;
static union status made_as;

static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0; }

/* A child of this process has the line of its parent; and what closes files by their numbers may have closed it, and opened another. */
static int is_open(void)
{
    union status status;
    return line >= 0 && owner == getpid() && fstat(line, &status) == 0 && status.words[0] == made_as.words[0] &&
           status.words[1] == made_as.words[1];
}

static void start(const char *program, int its)
{
    char *argv[] = { (char *)program, "-I", "-S", "-c", LOOP, 0 };
    /* Nobody waits for it: who waits for any child would find one that it does not know */
    int child = fork();
    if (child > 0) {
        while (waitpid(child, 0, 0) < 0 && *__errno_location() == INTERRUPTED)
            ;
    }
    if (child != 0) return;
    if (fork() != 0) _exit(0);
    for (int i = 0; i < 3; i++) dup2(its, i);
    close_range(3, ~0u, 0);
    execv(program, argv);
    _exit(127);
}

static int begin(const char *program)
{
    int ends[2];
    if (line >= 0 && owner != getpid()) close(line);
    line = -1;
    if (socketpair(UNIX, STREAM | CLOSE_ON_EXEC, 0, ends) < 0) return 0;
    start(program, ends[1]);
    close(ends[1]);
    /* Not the next number, which a program may expect for a file of its own */
    line = fcntl(ends[0], DUPLICATE, APART);
    if (line < 0) line = ends[0];
    else close(ends[0]);
    owner = getpid();
    return fstat(line, &made_as) == 0;
}

static int pass(char *text, size_t size, int sent)
{
    for (size_t done = 0; done < size;) {
        ssize_t part = sent ? send(line, text + done, size - done, QUIETLY) : recv(line, text + done, size - done, 0);
        if (part < 0 && *__errno_location() == INTERRUPTED) continue;
        if (part <= 0) return 0;
        done += (size_t)part;
    }
    return 1;
}

int ask_staying(const char *program, const char *expression, const double *numbers, double *made)
{
    char question[160], answer[ANSWER], *at = question;
    for (int n = 0; n < 4; n++) {
        union bits bits = { numbers[n] };
        for (int j = 0; j < 8; j++) *at++ = "0123456789abcdef"[bits.bytes[j] >> 4], *at++ = "0123456789abcdef"[bits.bytes[j] & 15];
    }
    *at++ = ' ';
    for (const char *c = expression; *c; c++) *at++ = *c;
    *at++ = '\n';
    if (!is_open() && !begin(program)) return 0;
    if (!pass(question, (size_t)(at - question), 1) || !pass(answer, ANSWER, 0) || answer[ANSWER - 1] != '\n') return 0;
    for (int n = 0; n < 2; n++) {
        union bits bits;
        for (int j = 0; j < 8; j++) bits.bytes[j] = (unsigned char)(digit(answer[16 * n + 2 * j]) << 4 | digit(answer[16 * n + 2 * j + 1]));
        made[n] = bits.number;
    }
    return 1;
}
