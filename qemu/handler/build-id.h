/* The build-id of a program or library: GNU's as hex, or the last part of Go's, which is a digest of the program's content. */
#pragma once

/* Room for an id is MAX_ID + 4. */
#define MAX_ID 64

/* Whether an open file has an id. */
int build_id(long file, char *id);

/* Whether the file of a path has this id. */
int has_id(const char *path, const char *wanted);
