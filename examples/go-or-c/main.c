/* sum: prints the SHA-256 of each file, or of its input, as sha256sum does, and says at last which machine it ran on. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "sha256.h"

static int sum(FILE *in, const char *name)
{
    struct sha256 sha;
    uint8_t buffer[65536], digest[32];
    size_t n;
    sha256_start(&sha);
    while ((n = fread(buffer, 1, sizeof buffer, in)) > 0)
        sha256_add(&sha, buffer, n);
    if (ferror(in)) {
        fprintf(stderr, "sum: %s: %s\n", name, strerror(errno));
        return 1;
    }
    sha256_end(&sha, digest);
    for (int i = 0; i < 32; i++)
        printf("%02x", digest[i]);
    printf("  %s\n", name);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    if (argc < 2)
        return sum(stdin, "-");
    for (int i = 1; i < argc; i++) {
        FILE *in = fopen(argv[i], "rb");
        if (!in) {
            fprintf(stderr, "sum: %s: %s\n", argv[i], strerror(errno));
            failed = 1;
            continue;
        }
        failed |= sum(in, argv[i]);
        fclose(in);
    }
    struct utsname machine;
    if (uname(&machine) == 0)
        printf("computed on %s\n", machine.machine);
    return failed;
}
