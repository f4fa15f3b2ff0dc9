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

/* The path of an open file, by the kernel, into `path`, which has room for MAX_PATH letters and their end; 0 when it is not known. */
int path_of(long file, char *path);

/* Whether a script loads a folder of modules, as Python looks for them: none of the same name lies beside the script, where it looks first. */
int is_loaded(const char *script, const char *tree);
