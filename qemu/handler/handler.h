#pragma once
#include <stdint.h>

/* What the kernel tells a program besides its arguments, see getauxval(3). */
struct auxiliary { uint64_t type, value; };

/* The kernel gives { interpreter, path of the program, its argv[0], its arguments... }. Returns when QEMU is to run the program. */
void handle(long argc, char **argv, char **env, const struct auxiliary *auxiliary);
