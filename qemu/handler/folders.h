/* What lies in folders. */
#pragma once
#include "digest.h"

/*
 * Digest of all files of a folder that are named *.py, wherever they lie in it but in __pycache__: the sum, word by word, of the digests of each
 * path in it, a zero, and the 32 bytes of the file's own digest. 0 when there is a link, a library, or what is not understood.
 */
int tree_digest(const char *folder, char *hex);

/* Whether a folder has no module of Python with one of these names, before which there may be a dash: a file or a folder. */
int holds_no_module(const char *folder, const char *names);

/* Whether the files of a folder whose names end so are all among these names; also when there is no such folder. */
int holds_only(const char *folder, const char *end, const char *names);
