/* What the engine has put into the container for one step, and what it is told. */
#pragma once

#define STEP "/dev/.xbuild/step/"
#define MAX_PATH 1024
#define MAX_RULES 8192

/* Asks for rules/ID, for the program of a path, and waits until the engine has looked. */
void ask(const char *id, const char *path);

/* Tells which program is started how. Of a long path the end is told. */
void tell(const char *kind, const char *path);

/* Text of the rules in a file: 1, of none: 0, without such a file: -1. Room is MAX_RULES. */
int read_rules(const char *path, char *rules);
