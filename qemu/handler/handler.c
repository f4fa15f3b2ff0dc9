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
 * A rule file is lines of these, done in order; QEMU runs the program when one of them does not hold or is not known:
 *
 *   begin ARG...       the arguments begin with these; of several such lines one must hold
 *   below FOLDER/      every argument that is no option lies in it
 *   some ARG...        there is one of these arguments
 *   none ARG...        there is none of them
 *   first LETTERS      the first argument has only these letters
 *   operand            there is an argument that is no option
 *   skip PREFIX        no argument begins so
 *   both A B           not both: an argument that begins with A and one that begins with B
 *   ending SUFFIX      no argument ends so
 *   flags LETTERS      no argument that begins with one dash has one of these letters
 *   lacks LETTERS      no argument has one of these letters
 *   nowhere TEXT       no argument has this text in it
 *   script WORD...     neither the text after -c nor the file that is the first operand has one of these words, in which ? is
 *                      a space or tab
 *   fractions          nor does it have printf and a conversion of fractions, nor read other files, unless Autoconf made it
 *   awk                the program of AWK, as text or in files after -f, has only what CPUs reckon alike, and no other option is given
 *   with ARG VALUE     of arguments that begin so there is only ARG, and VALUE follows it
 *   swap ARG OLD NEW   after each argument ARG there is OLD, in the place of which the twin gets NEW
 *   names              files of arguments (@FILE) hold names only, no options
 *   absent PATH        there is no such file
 *   at PATH            the program is this file, by its real path
 *   same PATH ID       the file, a library of the program, has this build-id
 *   alike PATH ID      the file has this build-id, or there is none
 *   text DIGEST        the first argument, or after -w the second, is a file with this SHA-256, of which the beginning is given; of
 *                      several such lines one must hold
 *   users              users and groups are found in files only (/etc/nsswitch.conf)
 *   without NAME       the environment has no such variable
 *   not NAME=VALUE     the environment does not give it this value
 *   either NAME VALUE...   the variable is not there, empty, or one of these
 *   unless ARG         leave out the lines up to `end` when there is such an argument
 *   end
 *   path NAME DIRS     add folders to the end of a list of paths in the environment
 *   add ARG            put before the program's own arguments
 *   env NAME=VALUE     put into the environment, when NAME is not there or empty
 *   preload FILE       a library that the loader brings in before all others
 *   load DIR PROGRAM   start DIR/bin/PROGRAM with the loader and the libraries in DIR/lib
 *   exec FILE          start a static program
 *
 * Freestanding: no libc, no writable data, position independent.
 */
#include <stddef.h>
#include <stdint.h>

/* Of elf(5), which cross compilers need not have: no header of a libc is read. */
enum { EI_CLASS = 4, EI_DATA = 5, ELFCLASS64 = 2, ELFDATA2MSB = 2, PT_NOTE = 4, AT_EXECFD = 2, AT_FLAGS = 8, AT_SECURE = 23 };
enum { HEADER_64 = 56, HEADER_32 = 32 };
struct auxiliary { uint64_t type, value; };

#define STEP "/dev/.xbuild/step/"
#define STARTS "/dev/.xbuild/starts"
#define MAX_ARGS 8192
#define MAX_ENV 4096
#define MAX_RULES 8192
#define MAX_PATH 1024
#define MAX_HEADERS 64
#define MAX_NOTES 4096
#define MAX_ID 64
#define MAX_TOLD 256
#define MAX_SCRIPT (1 << 16)
#define OVERLAP 256
#define MAX_WORDS 16
#define MAX_STARTS (1l << 30)

#ifdef __x86_64__
enum { READ = 0, WRITE = 1, CLOSE = 3, PREAD = 17, SOCKET = 41, CONNECT = 42, SENDTO = 44, EXECVE = 59, FCNTL = 72, OPENAT = 257, READLINKAT = 267, FACCESSAT = 269, PRLIMIT = 302 };
#define NO_LINK 0400000L /* O_NOFOLLOW */

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    long result;
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}
#elif defined(__aarch64__)
enum { FCNTL = 25, FACCESSAT = 48, OPENAT = 56, CLOSE = 57, READ = 63, WRITE = 64, PREAD = 67, READLINKAT = 78, SOCKET = 198, CONNECT = 203, SENDTO = 206, EXECVE = 221, PRLIMIT = 261 };
#define NO_LINK 0100000L /* O_NOFOLLOW */

static long call(long number, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d, x4 __asm__("x4") = e, x5 __asm__("x5") = f;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory", "cc");
    return x0;
}
#else
#error "no system calls for this CPU"
#endif

#define HERE (-100L) /* AT_FDCWD */
#define CLOSE_ON_EXEC 02000000L

static long open_file(const char *path) { return call(OPENAT, HERE, (long)path, CLOSE_ON_EXEC, 0, 0, 0); }
static void close_file(long file) { call(CLOSE, file, 0, 0, 0, 0, 0); }
static long read_at(long file, void *to, long size, uint64_t offset) { return call(PREAD, file, (long)to, size, (long)offset, 0, 0); }
static int is_there(const char *path) { return call(FACCESSAT, HERE, (long)path, 0, 0, 0, 0) == 0; }

static size_t length(const char *text) { size_t n = 0; while (text[n]) n++; return n; }
static int begins(const char *text, const char *with) { while (*with) if (*text++ != *with++) return 0; return 1; }
static int equal(const char *a, const char *b) { while (*a && *a == *b) a++, b++; return *a == *b; }

/* Compilers call these by themselves, on some CPUs for no more than an initializer. */
__attribute__((used, visibility("hidden"))) void *memset(void *to, int value, size_t size)
{
    for (char *at = to; size--; at++) *at = (char)value;
    return to;
}

__attribute__((used, visibility("hidden"))) void *memcpy(void *to, const void *from, size_t size)
{
    const char *next = from;
    for (char *at = to; size--; at++, next++) *at = *next;
    return to;
}

/* The value of NAME in the environment, given NAME of `size` letters. */
static char *value_of(char **env, const char *name, size_t size)
{
    for (; *env; env++) {
        size_t i = 0;
        while (i < size && (*env)[i] == name[i]) i++;
        if (i == size && (*env)[i] == '=') return *env + size + 1;
    }
    return 0;
}

/* A text under construction; `over` says that it did not fit. */
struct text { char *at, *end; int over; };

static void put(struct text *text, const char *part)
{
    for (; *part; part++) {
        if (text->at + 1 >= text->end) { text->over = 1; return; }
        *text->at++ = *part;
    }
    *text->at = 0;
}

/* ---- the build-id: GNU's as hex, or the last part of Go's, which is a digest of the program's content ---- */

static uint64_t number(const unsigned char *at, int size, int big)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | at[big ? i : size - 1 - i];
    return value;
}

static int is_safe(unsigned char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_'; }

/* Takes the id from the notes of one segment; 0 when there is none. */
static int id_of_notes(const unsigned char *note, long size, int big, char *id)
{
    long offset = 0;
    while (offset + 12 <= size) {
        uint64_t name = number(note + offset, 4, big), content = number(note + offset + 4, 4, big), type = number(note + offset + 8, 4, big);
        if (name > MAX_NOTES || content > MAX_NOTES) return 0;
        long from = offset + 12 + (long)((name + 3) & ~3ul), to = from + (long)content;
        if (to > size) return 0;
        const char *owner = (const char *)note + offset + 12;
        if (type == 3 && name == 4 && equal(owner, "GNU") && content >= 8 && content <= MAX_ID / 2) {
            for (long i = from; i < to; i++) *id++ = "0123456789abcdef"[note[i] >> 4], *id++ = "0123456789abcdef"[note[i] & 15];
            *id = 0;
            return 1;
        }
        if (type == 4 && name == 4 && equal(owner, "Go")) {
            long part = to;
            while (part > from && note[part - 1] != '/') part--;
            if (part == from || to - part < 16 || to - part > MAX_ID - 4) return 0;
            *id++ = 'g', *id++ = 'o', *id++ = '-';
            for (long i = part; i < to; i++) {
                if (!is_safe(note[i])) return 0;
                *id++ = (char)note[i];
            }
            *id = 0;
            return 1;
        }
        offset = (to + 3) & ~3l;
    }
    return 0;
}

static int build_id(long file, char *id)
{
    unsigned char head[64], headers[MAX_HEADERS * HEADER_64], notes[MAX_NOTES];
    long got = read_at(file, head, sizeof head, 0);
    if (got < 52 || head[0] != 0x7f || head[1] != 'E' || head[2] != 'L' || head[3] != 'F') return 0;
    int wide = head[EI_CLASS] == ELFCLASS64, big = head[EI_DATA] == ELFDATA2MSB;
    if (wide && got < 64) return 0;
    uint64_t table = wide ? number(head + 32, 8, big) : number(head + 28, 4, big);
    uint64_t each = number(head + (wide ? 54 : 42), 2, big), count = number(head + (wide ? 56 : 44), 2, big);
    if (each != (wide ? HEADER_64 : HEADER_32) || count > MAX_HEADERS || table > INT64_MAX / 2) return 0;
    if (read_at(file, headers, (long)(each * count), table) != (long)(each * count)) return 0;
    for (uint64_t i = 0; i < count; i++) {
        const unsigned char *header = headers + i * each;
        if (number(header, 4, big) != PT_NOTE) continue;
        uint64_t offset = wide ? number(header + 8, 8, big) : number(header + 4, 4, big);
        uint64_t size = wide ? number(header + 32, 8, big) : number(header + 16, 4, big);
        if (offset > INT64_MAX / 2) continue;
        got = read_at(file, notes, size < sizeof notes ? (long)size : (long)sizeof notes, offset);
        if (got > 0 && id_of_notes(notes, got, big, id)) return 1;
    }
    return 0;
}

/* ---- the engine ---- */

static void ask(const char *id, const char *path)
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

/* Tells which program is started how. Of a long path the end is told. */
static void tell(const char *kind, const char *path)
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

/* Text of the rules for an id, or nothing. */
static int read_rules(const char *path, char *rules)
{
    long file = open_file(path);
    if (file < 0) return -1;
    long size = read_at(file, rules, MAX_RULES - 1, 0);
    close_file(file);
    if (size <= 0 || size == MAX_RULES - 1) return 0;
    rules[size] = 0;
    return 1;
}

/* ---- starting the twin ---- */

struct start {
    char **argv; /* of the program: argv[0] as its caller gave it */
    char **env;  /* room for MAX_ENV + 16 */
    long variables;
    struct text room; /* for new variables */
    char *more[8]; /* `add` */
    char *swap[2]; /* `swap`: ARG and NEW */
    long added;
    char *folder, *program; /* `load` */
    char *library;          /* `preload` */
    char *file;             /* `exec` */
    long own;               /* the open program */
};

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

static int has_argument(char **argv, const char *text, int (*matches)(const char *, const char *))
{
    for (char **argument = argv + 1; *argument; argument++)
        if (matches(*argument, text)) return 1;
    return 0;
}

/* Cuts `text` after its first word and gives what follows. */
static char *cut(char *text)
{
    while (*text && *text != ' ') text++;
    if (*text) *text++ = 0;
    return text;
}

/* Whether each @FILE among the arguments can be read and no word in it is an option or another such file. */
static int holds_names(char **argv)
{
    char part[4096];
    for (char **argument = argv + 1; *argument; argument++) {
        if (**argument != '@') continue;
        long file = open_file(*argument + 1), size, at = 0;
        int inside = 0, fine = file >= 0;
        while (fine && (size = read_at(file, part, sizeof part, (uint64_t)at)) != 0) {
            fine = size > 0 && at < 1 << 24;
            for (long i = 0; i < size && fine; i++) {
                int space = part[i] == ' ' || part[i] == '\n' || part[i] == '\t' || part[i] == '\r' || part[i] == '\f' || part[i] == '\v';
                if (!space && !inside && (part[i] == '-' || part[i] == '@')) fine = 0;
                if (part[i] == '\\' || part[i] == '\'' || part[i] == '"') fine = 0; /* a word need not be what it seems */
                inside = !space;
            }
            at += size;
        }
        if (file >= 0) close_file(file);
        if (!fine) return 0;
    }
    return 1;
}

/* Whether the arguments begin with the words of a text, which is cut into them. */
static int begin_with(char **argv, char *words)
{
    for (char **argument = argv + 1, *rest; *words; words = rest, argument++) {
        rest = cut(words);
        if (!*argument || !equal(*argument, words)) return 0;
    }
    return 1;
}

/* Whether every argument that is no option is a path in a folder. */
static int lie_below(char **argv, const char *folder)
{
    for (char **argument = argv + 1; *argument; argument++) {
        if (**argument == '-') continue;
        if (!begins(*argument, folder)) return 0;
        for (const char *c = *argument; *c; c++)
            if (begins(c, "/..")) return 0;
    }
    return 1;
}

/* Whether a text is one of the words of another, which is cut into them. */
static int is_either(const char *text, char *words)
{
    for (char *rest; *words; words = rest) {
        rest = cut(words);
        if (equal(text, words)) return 1;
    }
    return 0;
}

/* Whether one of the arguments is one of the words of a text, which is cut into them. */
static int has_some(char **argv, char *words)
{
    for (char *rest; *words; words = rest) {
        rest = cut(words);
        if (has_argument(argv, words, equal)) return 1;
    }
    return 0;
}

/* Whether the first argument consists of letters of a text. */
static int has_first(char **argv, const char *letters)
{
    if (!argv[1] || !*argv[1]) return 0;
    for (const char *c = argv[1]; *c; c++) {
        const char *letter = letters;
        while (*letter && *letter != *c) letter++;
        if (!*letter) return 0;
    }
    return 1;
}

static int has_operand(char **argv)
{
    for (char **argument = argv + 1; *argument; argument++)
        if (**argument != '-') return 1;
    return 0;
}

static int holds_letter(const char *text, const char *letters)
{
    for (; *text; text++)
        for (const char *letter = letters; *letter; letter++)
            if (*text == *letter) return 1;
    return 0;
}

/* Whether an argument has one of these letters: each, or of the options of one letter only. */
static int has_letters(char **argv, const char *letters, int options)
{
    for (char **argument = argv + 1; *argument; argument++) {
        if (options && (**argument != '-' || (*argument)[1] == '-')) continue;
        if (holds_letter(*argument, letters)) return 1;
    }
    return 0;
}

static int contains(const char *text, const char *part)
{
    for (; *text; text++) if (*text == *part && begins(text, part)) return 1;
    return 0;
}

/*
 * Words that are looked for in a script, in which ? is a space or tab. Scripts are long - libtool's has 400 kB and is started for each object -
 * so not every letter is looked at: of pairs of letters, as many apart as the shortest word allows, one of each word is met.
 */
struct hunt { const char *words[MAX_WORDS]; int count; size_t step; unsigned char pairs[1 << 13]; };

static void note_pair(struct hunt *hunt, char first, char second)
{
    unsigned pair = (unsigned)(unsigned char)first << 8 | (unsigned char)second;
    hunt->pairs[pair >> 3] |= (unsigned char)(1 << (pair & 7));
}

/* Gets ready to look for the words of a text; 0 when there are too many, or one is too short to be looked for. */
static int prepare(struct hunt *hunt, const char *words)
{
    size_t shortest = MAX_ID;
    hunt->count = 0;
    while (*words) {
        size_t size = 0;
        while (words[size] && words[size] != ' ') size++;
        if (size < 2 || hunt->count == MAX_WORDS) return 0;
        if (size < shortest) shortest = size;
        hunt->words[hunt->count++] = words;
        words += size + (words[size] == ' ');
    }
    hunt->step = shortest - 1;
    memset(hunt->pairs, 0, sizeof hunt->pairs);
    for (int i = 0; i < hunt->count; i++)
        for (const char *at = hunt->words[i], *end = at + hunt->step; at < end; at++)
            for (int blanks = 0; blanks < 4; blanks++)
                note_pair(hunt, at[0] == '?' ? " \t"[blanks & 1] : at[0], at[1] == '?' ? " \t"[blanks >> 1] : at[1]);
    return hunt->count > 0;
}

static int begins_with_word(const char *text, const char *end, const char *word)
{
    for (; *word && *word != ' '; text++, word++)
        if (text == end || (*word == '?' ? *text != ' ' && *text != '\t' : *text != *word)) return 0;
    return 1;
}

/* Whether a text has one of the words. */
static int meets(const struct hunt *hunt, const char *text, size_t size)
{
    const char *end = text + size;
    for (size_t at = 0; at + 1 < size; at += hunt->step) {
        unsigned pair = (unsigned)(unsigned char)text[at] << 8 | (unsigned char)text[at + 1];
        if (!(hunt->pairs[pair >> 3] >> (pair & 7) & 1)) continue;
        for (size_t back = 0; back < hunt->step && back <= at; back++)
            for (int i = 0; i < hunt->count; i++)
                if (begins_with_word(text + at - back, end, hunt->words[i])) return 1;
    }
    return 0;
}

static int is_name(char c) { return is_safe((unsigned char)c) && c != '-'; }

/* Bit 7 of each byte that is 0. */
static uint64_t zeros(uint64_t eight) { return (eight - 0x0101010101010101u) & ~eight & 0x8080808080808080u; }

/* Where a letter is first met, or the end. */
static const char *find(const char *text, const char *end, char letter)
{
    uint64_t all = (unsigned char)letter * 0x0101010101010101u, eight;
    for (; end - text >= 8; text += 8) {
        __builtin_memcpy(&eight, text, 8);
        if (zeros(eight ^ all)) break;
    }
    while (text < end && *text != letter) text++;
    return text;
}

/*
 * Whether a % stands in a command of sed like s%/%-%g, in the middle or at the end: on its line are one or two before it, the first after
 * an s, and the word sed, or $SED.
 */
static int ends_command(const char *text, const char *at)
{
    const char *start = at;
    for (int i = 0; i < 2; i++) {
        do if (start == text || *--start == '\n') return 0; while (*start != '%');
        size_t slashes = 0; /* an odd number takes the % from the command */
        while (start - text > (long)slashes && start[-1 - (long)slashes] == '\\') slashes++;
        if (slashes & 1) return 0;
        if (start - text < 2 || start[-1] != 's' || !holds_letter((const char[]){ start[-2], 0 }, "'\"; \t")) continue;
        for (start--; start > text && *start != '\n'; start--)
            if (begins(start, "sed") || begins(start, "SED")) return 1;
        return 0;
    }
    return 0;
}

/* Whether a text has a conversion like %.2f, one that takes the end from a variable (${name%.f}) aside. */
static int has_fraction(const char *text, size_t size)
{
    const char *end = text + size;
    for (const char *at = find(text, end, '%'); at < end; at = find(at + 1, end, '%')) {
        const char *c = at + 1, *before = at;
        while (*c == '.' || *c == '*' || *c == ' ' || *c == '+' || *c == '-' || *c == '#' || *c == '\'' || (*c >= '0' && *c <= '9')) c++;
        while (*c == 'l' || *c == 'L' || *c == 'h') c++;
        if (!*c || !holds_letter((const char[]){ *c, 0 }, "aefgAEFG")) continue;
        while (before > text && (is_name(before[-1]) || before[-1] == '%')) before--;
        if (before - text >= 2 && before[-1] == '{' && before[-2] == '$' && before < at) continue;
        if (ends_command(text, at)) continue;
        return 1;
    }
    return 0;
}

static int is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

/* Whether a text may have the command . or source, with whatever follows it. */
static int has_source(const char *text)
{
    for (const char *at = text; *at; at++) {
        size_t size = *at == '.' ? 1 : begins(at, "source") ? 6 : 0;
        if (!size || !is_blank(at[size])) continue;
        if (at == text || is_blank(at[-1]) || holds_letter((const char[]){ at[-1], 0 }, ";&|({`!")) return 1;
    }
    return 0;
}

/*
 * What a script of bash may print. Of scripts that Autoconf and Automake make it is known what they read by ".": answers kept by themselves, and
 * settings. What others read may print fractions, which nobody sees before.
 */
struct calm { int prints, fractions, sources, generated; struct hunt print, generate; };

static void begin_to_look(struct calm *seen)
{
    seen->prints = seen->fractions = seen->sources = seen->generated = 0;
    prepare(&seen->print, "printf");
    prepare(&seen->generate, "Generated?by?GNU?Autoconf Generated?by?configure. Generated?automatically?by?config.status");
}

/* Whether bash may print fractions: by a text of its own, or by files that it reads. */
static int may_print_fractions(const struct calm *seen)
{
    return (seen->prints && seen->fractions) || (seen->sources && !seen->generated);
}

/* A text that ends with a zero. */
static void look_at(struct calm *seen, const char *text, size_t size)
{
    if (!seen->generated) seen->generated = meets(&seen->generate, text, size);
    if (!seen->prints) seen->prints = meets(&seen->print, text, size);
    if (!seen->fractions) seen->fractions = has_fraction(text, size);
    if (!seen->sources && !seen->generated) seen->sources = has_source(text);
}

/*
 * Whether a shell's script has none of these words, or without words no conversion of fractions beside printf. Of one that comes through standard
 * input nothing is known.
 */
static int is_calm(char **argv, const char *words)
{
    char text[MAX_SCRIPT];
    char **argument = argv + 1;
    int inside = 0; /* an argument is the script */
    for (; *argument && (**argument == '-' || **argument == '+') && (*argument)[1]; argument++) {
        if (equal(*argument, "--")) { argument++; break; }
        if (holds_letter(*argument + 1, "-oOs")) return 0; /* long options, those with a value */
        if (**argument == '-' && holds_letter(*argument, "c")) inside = 1;
    }
    if (!*argument || equal(*argument, "-")) return 0;
    struct hunt hunt;
    struct calm seen;
    if (!words) begin_to_look(&seen);
    else if (!prepare(&hunt, words)) return 0;
    if (inside) {
        if (words) return !meets(&hunt, *argument, length(*argument));
        look_at(&seen, *argument, length(*argument));
        return !may_print_fractions(&seen);
    }
    long file = open_file(*argument), size, at = 0;
    if (file < 0) return 1; /* the shell says so */
    int found = 0;
    while (!found && (size = read_at(file, text, sizeof text - 1, (uint64_t)at)) > 0) {
        text[size] = 0;
        for (const char *zero = text; (zero = find(zero, text + size, 0)) < text + size;) text[zero - text] = ' ';
        if (words) found = meets(&hunt, text, (size_t)size);
        else look_at(&seen, text, (size_t)size);
        at += size < OVERLAP * 2 ? size : size - OVERLAP; /* a word may lie across */
    }
    close_file(file);
    if (size < 0) return 0; /* a pipe can be read only once */
    return words ? !found : !may_print_fractions(&seen);
}

static int ends(const char *text, const char *with)
{
    size_t size = length(text), end = length(with);
    return size >= end && equal(text + size - end, with);
}

static int has_id(const char *path, const char *wanted)
{
    char id[MAX_ID + 4];
    long file = open_file(path);
    if (file < 0) return 0;
    int found = build_id(file, id);
    close_file(file);
    return found && equal(id, wanted);
}

/* ---- programs of AWK ---- */

static int is_digit(char c) { return c >= '0' && c <= '9'; }

static int is_word(const char *at, size_t size, const char *words)
{
    while (*words) {
        size_t end = 0, same = 0;
        while (words[end] && words[end] != ' ') end++;
        while (end == size && same < size && words[same] == at[same]) same++;
        if (end == size && same == size) return 1;
        words += end + (words[end] == ' ');
    }
    return 0;
}

static const char *skip_blanks(const char *at) { while (*at == ' ' || *at == '\t') at++; return at; }

/* Whether a string of AWK, at its first letter, has a conversion to a letter or to a number without a sign, or an unfinished one. */
static int is_odd_string(const char *at)
{
    for (; *at && *at != '"'; at++) {
        if (*at == '\\' && at[1]) { at++; continue; }
        if (*at != '%') continue;
        const char *conversion = at + 1;
        while (*conversion && holds_letter((const char[]){ *conversion, 0 }, "-+ #0123456789.*$'lh")) conversion++;
        if (!*conversion || holds_letter((const char[]){ *conversion, 0 }, "cuoxX\"\\")) return 1;
        at = conversion;
    }
    return 0;
}

static const char *end_of_string(const char *at)
{
    for (; *at && *at != '"' && *at != '\n'; at++) if (*at == '\\' && at[1]) at++;
    return at;
}

/* Whether printf or sprintf, whose arguments begin here, has a format that is known: strings only, of which none is odd. */
static int has_plain_format(const char *at)
{
    at = skip_blanks(at);
    if (*at == '(') at = skip_blanks(at + 1);
    if (*at != '"') return 0;
    while (*at == '"') {
        if (is_odd_string(at + 1)) return 0;
        at = end_of_string(at + 1);
        if (*at != '"') return 0;
        at = skip_blanks(at + 1);
    }
    return !*at || holds_letter((const char[]){ *at, 0 }, ",);}\n>|");
}

/* The slash that ends a regular expression; 0 where that is a matter of the AWK: a slash in brackets. */
static const char *end_of_expression(const char *at)
{
    for (; *at != '/'; at++) {
        if (!*at || *at == '\n') return 0;
        if (*at == '\\' && at[1] && at[1] != '\n') { at++; continue; }
        if (*at != '[') continue;
        at += 1 + (at[1] == '^');
        if (*at == ']') at++;
        for (; *at != ']'; at++) {
            if (!*at || *at == '\n' || *at == '/') return 0;
            if (*at == '\\') {
                if (at[1] == ']' || at[1] == '/' || !at[1]) return 0;
                at++;
            } else if (*at == '[' && at[1] == ':') {
                for (at += 2; *at != ':' || at[1] != ']'; at++) if (!*at || *at == '\n' || *at == '/') return 0;
                at++;
            }
        }
    }
    return at;
}

/*
 * Whether a program of AWK has nothing that CPUs may reckon otherwise: functions of mathematics, powers, random numbers; letters and numbers without a sign in formats, of what may be less than 0; division
 * by what may be 0, for the sign of 0/0 is another.
 */
static int is_plain_awk(const char *at)
{
    int operand = 0; /* what stands before a slash is a number or the like: it divides */
    while (*at) {
        char c = *at;
        if (c == ' ' || c == '\t' || c == '\r') at++;
        else if (c == '#') while (*at && *at != '\n') at++;
        else if (c == '\\') {
            if (at[1] != '\n') return 0;
            at += 2;
        } else if (c == '"') {
            for (const char *part = at + 1; *part && *part != '"'; part++) {
                if (begins(part, "/proc") || begins(part, "/inet")) return 0;
                if (*part == '\\' && part[1]) part++;
            }
            at = end_of_string(at + 1);
            if (*at++ != '"') return 0;
            operand = 1;
        } else if (is_digit(c) || (c == '.' && is_digit(at[1]))) {
            while (is_digit(*at) || *at == '.') at++;
            if (*at == 'e' || *at == 'E') {
                const char *digits = at + 1 + (at[1] == '-' || at[1] == '+');
                if (is_digit(digits[0]) && is_digit(digits[1]) && is_digit(digits[2])) return 0;
            }
            operand = 1;
        } else if (is_name(c)) {
            const char *name = at;
            while (is_name(*at)) at++;
            size_t size = (size_t)(at - name);
            if (is_word(name, size, "exp log sin cos atan2 sqrt rand srand PROCINFO")) return 0;
            if (is_word(name, size, "printf sprintf") && !has_plain_format(at)) return 0;
            operand = !is_word(name, size, "print printf return else case in do exit");
        } else if (c == '/' || c == '%') {
            if (operand) {
                at = skip_blanks(at + 1 + (at[1] == '='));
                if (*at < '1' || *at > '9') return 0;
                operand = 0;
            } else {
                if (c == '%') return 0;
                at = end_of_expression(at + 1);
                if (!at) return 0;
                at++;
                operand = 1;
            }
        } else if (c == '^' || c == '@' || c == '`' || (c == '*' && at[1] == '*') || (unsigned char)c < '\t' || (unsigned char)c > '~') return 0;
        else if ((c == '+' || c == '-') && at[1] == c) at += 2;
        else operand = c == ')' || c == ']', at++;
    }
    return 1;
}

/* The same for whom the arguments start: programs as text, or in files. Other options than -F, -v and -f may do anything. */
static int is_plain_awk_call(char **argv)
{
    char text[MAX_SCRIPT];
    int files = 0;
    char **argument = argv + 1;
    for (; *argument && **argument == '-' && (*argument)[1]; argument++) {
        if (equal(*argument, "--")) { argument++; break; }
        char letter = (*argument)[1];
        if (letter != 'F' && letter != 'v' && letter != 'f') return 0;
        const char *value = (*argument)[2] ? *argument + 2 : *++argument;
        if (!value) return 0;
        if (letter != 'f') continue;
        long file = open_file(value), size = 0, got = -1;
        if (file < 0) return 0;
        while (size < MAX_SCRIPT && (got = read_at(file, text + size, MAX_SCRIPT - size, (uint64_t)size)) > 0) size += got;
        close_file(file);
        if (got || find(text, text + size, 0) < text + size) return 0; /* a pipe, a long one, or one that has a zero */
        text[size] = 0;
        if (!is_plain_awk(text)) return 0;
        files = 1;
    }
    return files || (*argument && is_plain_awk(*argument));
}

/* ---- SHA-256 (FIPS 180-4) ---- */

static const uint32_t SHARES[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t value, int by) { return value >> by | value << (32 - by); }

static void digest_block(uint32_t *state, const unsigned char *block)
{
    uint32_t words[64], s[8];
    for (int i = 0; i < 16; i++) words[i] = (uint32_t)number(block + 4 * i, 4, 1);
    for (int i = 16; i < 64; i++) {
        uint32_t a = words[i - 15], b = words[i - 2];
        words[i] = words[i - 16] + (turn(a, 7) ^ turn(a, 18) ^ a >> 3) + words[i - 7] + (turn(b, 17) ^ turn(b, 19) ^ b >> 10);
    }
    for (int i = 0; i < 8; i++) s[i] = state[i];
    for (int i = 0; i < 64; i++) {
        uint32_t one = s[7] + (turn(s[4], 6) ^ turn(s[4], 11) ^ turn(s[4], 25)) + ((s[4] & s[5]) ^ (~s[4] & s[6])) + SHARES[i] + words[i];
        uint32_t other = (turn(s[0], 2) ^ turn(s[0], 13) ^ turn(s[0], 22)) + ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));
        for (int j = 7; j > 0; j--) s[j] = s[j - 1];
        s[4] += one, s[0] = one + other;
    }
    for (int i = 0; i < 8; i++) state[i] += s[i];
}

/* The digest of a file as 64 hex digits and a zero; 0 when it cannot be read. */
static int digest_of(const char *path, char *hex)
{
    uint32_t state[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    unsigned char part[4096 + 128];
    long file = open_file(path), size, at = 0;
    if (file < 0) return 0;
    for (;;) {
        long got = size = read_at(file, part, 4096, (uint64_t)at);
        while (got > 0 && size < 4096 && (got = read_at(file, part + size, 4096 - size, (uint64_t)(at + size))) > 0) size += got;
        if (got < 0 || at > 1l << 26) { close_file(file); return 0; }
        at += size;
        int last = size < 4096;
        if (last) {
            part[size++] = 0x80;
            while (size % 64 != 56) part[size++] = 0;
            for (int i = 56; i >= 0; i -= 8) part[size++] = (unsigned char)((uint64_t)at * 8 >> i);
        }
        for (long block = 0; block < size; block += 64) digest_block(state, part + block);
        if (last) break;
    }
    close_file(file);
    for (int i = 0; i < 64; i++) *hex++ = "0123456789abcdef"[state[i / 8] >> (28 - i % 8 * 4) & 15];
    *hex = 0;
    return 1;
}

/* Digest of the script that an interpreter is started for, with no option but -w; empty when nothing is known of it. */
static void script_digest(char **argv, char *hex)
{
    char *script = argv[1] && equal(argv[1], "-w") ? argv[2] : argv[1];
    *hex = 0;
    if (script && *script && *script != '-' && !digest_of(script, hex)) *hex = 0;
}

/*
 * Whether users and groups are looked up in files only: the image's other modules are for its own CPU. The one of systemd may be named, since
 * nothing changes where it is not installed. Without the file, that is so, too.
 */
static int users_in_files(void)
{
    char text[4096];
    long file = open_file("/etc/nsswitch.conf");
    if (file < 0) return file == -2; /* ENOENT */
    long size = read_at(file, text, sizeof text - 1, 0);
    close_file(file);
    if (size < 0 || size == sizeof text - 1) return 0;
    text[size] = 0;
    for (char *line = text, *next; *line; line = next) {
        for (next = line; *next && *next != '\n'; next++)
            if (*next == '\t') *next = ' ';
        if (*next) *next++ = 0;
        while (*line == ' ') line++;
        if (!begins(line, "passwd") && !begins(line, "group") && !begins(line, "initgroups")) continue;
        while (*line && *line != ':') line++;
        if (!*line) return 0;
        for (char *word = line + 1, *rest; *word; word = rest) {
            rest = cut(word);
            if (*word == '#') break;
            if (*word && !equal(word, "files") && !equal(word, "systemd")) return 0;
        }
    }
    return 1;
}

/* Whether an open file has this path. */
static int is_at(long file, const char *path)
{
    char found[MAX_PATH + 1], name[sizeof "/proc/self/fd/" + 20] = "/proc/self/fd/", digits[20];
    char *at = name + sizeof "/proc/self/fd/" - 1;
    int count = 0;
    do digits[count++] = (char)('0' + file % 10); while (file /= 10);
    while (count) *at++ = digits[--count];
    *at = 0;
    long size = call(READLINKAT, HERE, (long)name, (long)found, MAX_PATH, 0, 0);
    if (size <= 0) return 0;
    found[size] = 0;
    return equal(found, path);
}

/* Follows the rules; 0 says that QEMU is to run the program. */
static int follow(char *rules, struct start *start)
{
    int left_out = 0, added = 0, beginnings = 0, begun = 0, texts = 0, known = 0;
    char digest[65] = "";
    for (char *line = rules, *next; *line; line = next) {
        for (next = line; *next && *next != '\n'; next++)
            ;
        if (*next) *next++ = 0;
        char *value = cut(line);
        if (equal(line, "end")) { left_out = 0; continue; }
        if (left_out || !*line || *line == '#') continue;
        if (equal(line, "names")) {
            if (!holds_names(start->argv)) return 0;
            continue;
        }
        if (equal(line, "operand")) {
            if (!has_operand(start->argv)) return 0;
            continue;
        }
        if (equal(line, "users")) {
            if (!users_in_files()) return 0;
            continue;
        }
        if (equal(line, "fractions")) {
            if (!is_calm(start->argv, 0)) return 0;
            continue;
        }
        if (equal(line, "awk")) {
            if (!is_plain_awk_call(start->argv)) return 0;
            continue;
        }
        if (!*value) return 0;
        if (equal(line, "begin")) {
            beginnings = 1;
            begun |= begin_with(start->argv, value);
        } else if (equal(line, "below")) {
            if (!lie_below(start->argv, value)) return 0;
        } else if (equal(line, "skip")) {
            if (has_argument(start->argv, value, begins)) return 0;
        } else if (equal(line, "both")) {
            char *other = cut(value);
            if (has_argument(start->argv, value, begins) && has_argument(start->argv, other, begins)) return 0;
        } else if (equal(line, "first")) {
            if (!has_first(start->argv, value)) return 0;
        } else if (equal(line, "some")) {
            if (!has_some(start->argv, value)) return 0;
        } else if (equal(line, "none")) {
            if (has_some(start->argv, value)) return 0;
        } else if (equal(line, "ending")) {
            if (has_argument(start->argv, value, ends)) return 0;
        } else if (equal(line, "flags")) {
            if (has_letters(start->argv, value, 1)) return 0;
        } else if (equal(line, "lacks")) {
            if (has_letters(start->argv, value, 0)) return 0;
        } else if (equal(line, "nowhere")) {
            if (has_argument(start->argv, value, contains)) return 0;
        } else if (equal(line, "script")) {
            if (!is_calm(start->argv, value)) return 0;
        } else if (equal(line, "with")) {
            char *only = cut(value);
            for (char **argument = start->argv + 1; *argument; argument++)
                if (begins(*argument, value) && (!equal(*argument, value) || !argument[1] || !equal(argument[1], only))) return 0;
        } else if (equal(line, "swap")) {
            char *old = cut(value), *made = cut(old);
            if (!*made || start->swap[0]) return 0;
            for (char **argument = start->argv + 1; *argument; argument++)
                if (equal(*argument, value) && (!argument[1] || !equal(argument[1], old))) return 0;
            start->swap[0] = value, start->swap[1] = made;
        } else if (equal(line, "absent")) {
            if (is_there(value)) return 0;
        } else if (equal(line, "at")) {
            if (!is_at(start->own, value)) return 0;
        } else if (equal(line, "without")) {
            if (value_of(start->env, value, length(value))) return 0;
        } else if (equal(line, "not")) {
            for (char **variable = start->env; *variable; variable++) if (equal(*variable, value)) return 0;
        } else if (equal(line, "same")) {
            char *id = cut(value);
            if (!has_id(value, id)) return 0;
        } else if (equal(line, "alike")) {
            char *id = cut(value);
            if (is_there(value) && !has_id(value, id)) return 0;
        } else if (equal(line, "text")) {
            if (!texts) script_digest(start->argv, digest);
            texts = 1;
            known |= *digest && length(value) >= 32 && begins(digest, value);
        } else if (equal(line, "either")) {
            char *values = cut(value), *set = value_of(start->env, value, length(value));
            if (set && *set && !is_either(set, values)) return 0;
        } else if (equal(line, "unless")) {
            left_out = has_argument(start->argv, value, equal);
        } else if (equal(line, "path")) {
            char *folders = cut(value);
            if (!*folders || ++added > 8 || !add_path(start, value, folders)) return 0;
        } else if (equal(line, "env")) {
            size_t size = 0;
            while (value[size] && value[size] != '=') size++;
            if (++added > 8) return 0;
            set_default(start, value, size);
        } else if (equal(line, "add")) {
            if (start->added == 8) return 0;
            start->more[start->added++] = value;
        } else if (equal(line, "preload")) {
            start->library = value;
        } else if (equal(line, "load")) {
            start->folder = value, start->program = cut(value);
            if (!*start->program) return 0;
        } else if (equal(line, "exec")) {
            start->file = value;
        } else {
            return 0; /* written for a newer handler */
        }
    }
    return (start->file || start->folder) && begun == beginnings && known == texts;
}

/* Becomes the twin; returns only when that fails. `count` arguments. */
static void become(struct start *start, long count)
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
    struct start start = { argv + 2, room, 0, { words, words + sizeof words, 0 }, { 0 }, { 0 }, 0, 0, 0, 0, 0, file };
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

/* The kernel gives { interpreter, path of the program, its argv[0], its arguments... }. Returns when QEMU is to run the program. */
static void handle(long argc, char **argv, char **env, const struct auxiliary *auxiliary)
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

/* Called with the stack as the kernel left it. */
__attribute__((used, visibility("hidden"))) void begin(long *stack)
{
    long argc = stack[0];
    char **argv = (char **)(stack + 1), **env = argv + argc + 1, **end = env;
    while (*end) end++;
    handle(argc, argv, env, (const struct auxiliary *)(end + 1));
}

/*
 * The beginning of the blob: a jump, and at offset 8 the way from here to QEMU's own entry point, filled in when the two are put together.
 * Stack and registers go on as the kernel set them up.
 */
#ifdef __x86_64__
__asm__(".section .text.entry,\"ax\"\n"
        ".globl _start\n_start:\n"
        "  jmp 1f\n"
        "  .balign 8\n"
        "2: .quad 0\n"
        "1: mov %rsp, %rdi\n"
        "  push %rdx\n"
        "  push %rbp\n"
        "  mov %rsp, %rbp\n"
        "  and $-16, %rsp\n"
        "  call begin\n"
        "  mov %rbp, %rsp\n"
        "  pop %rbp\n"
        "  pop %rdx\n"
        "  lea _start(%rip), %rax\n"
        "  add 2b(%rip), %rax\n"
        "  xor %edi, %edi\n"
        "  jmp *%rax\n");
#else
__asm__(".section .text.entry,\"ax\"\n"
        ".globl _start\n_start:\n"
        "  b 1f\n"
        "  .balign 8\n"
        "2: .quad 0\n"
        "1: mov x19, x0\n"
        "  mov x0, sp\n"
        "  bl begin\n"
        "  mov x0, x19\n"
        "  adr x16, _start\n"
        "  ldr x17, 2b\n"
        "  add x16, x16, x17\n"
        "  br x16\n");
#endif
