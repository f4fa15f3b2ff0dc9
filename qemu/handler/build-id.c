#include "build-id.h"
#include "bytes.h"
#include "calls.h"
#include "text.h"

/* Of elf(5), which cross compilers need not have: no header of a libc is read. */
enum { EI_CLASS = 4, EI_DATA = 5, ELFCLASS64 = 2, ELFDATA2MSB = 2, PT_NOTE = 4 };
enum { HEADER_64 = 56, HEADER_32 = 32 };
#define MAX_HEADERS 64
#define MAX_NOTES 4096

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

int build_id(long file, char *id)
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

int has_id(const char *path, const char *wanted)
{
    char id[MAX_ID + 4];
    long file = open_file(path);
    if (file < 0) return 0;
    int found = build_id(file, id);
    close_file(file);
    return found && equal(id, wanted);
}
