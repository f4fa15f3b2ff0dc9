/*
 * A rule file says how a twin is started, in lines of these, done in order. QEMU runs the program when one of them does not hold or is not
 * known:
 *
 *   begin ARG...       the arguments begin with these; of several such lines one must hold
 *   below FOLDER/      every argument that is no option lies in it
 *   some ARG...        there is one of these arguments
 *   none ARG...        there is none of them
 *   first LETTERS      the first argument has only these letters
 *   operand            there is an argument that is no option
 *   skip PREFIX        no argument begins so
 *   alone PREFIX ARG   every argument that begins so is ARG
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
 *   absent PATH        there is no such file; ~/ before it is the folder HOME
 *   files FOLDER END NAME...  of the files of a folder whose names end so there are only these; it need not be there
 *   at PATH            the program is this file, by its real path
 *   same PATH ID       the file, a library of the program, has this build-id
 *   alike PATH ID      the file has this build-id, or there is none
 *   kept PATH DIGEST   the file has this SHA-256, of which the beginning is given, or there is none
 *   called PATH...     the program was started by one of these paths, which is its first argument, too, or ends with it
 *   text DIGEST        the first argument, or after -w the second, is a file with this SHA-256, of which the beginning is given, or that is
 *                      the one of the text after -c; of several such lines one must hold
 *   text DIGEST FOLDER TREE   and the folder's files have this digest together (folders.h), and none of its name lies beside the script
 *   imports NAME...    the script loads no other modules of Python (imports.h)
 *   any                it is enough that one of all lines `begin`, `text` and `imports` holds
 *   users              users and groups are found in files only (/etc/nsswitch.conf)
 *   without NAME       the environment has no such variable
 *   among BEGINNING NAME...   of the variables that begin so there are only these
 *   not NAME=VALUE     the environment does not give it this value
 *   either NAME VALUE...   the variable is not there, empty, or one of these
 *   if ARG             leave out the lines up to `end` when there is no such argument
 *   unless ARG         leave out the lines up to `end` when there is such an argument
 *   end
 *   path NAME DIRS     add folders to the end of a list of paths in the environment
 *   add ARG            put before the program's own arguments
 *   env NAME=VALUE     put into the environment, when NAME is not there or empty
 *   preload FILE       a library that the loader brings in before all others
 *   load DIR PROGRAM   start DIR/bin/PROGRAM with the loader and the libraries in DIR/lib
 *   exec FILE          start a static program
 */
#pragma once
#include "start.h"

/* Follows the rules; 0 says that QEMU is to run the program. */
int follow(char *rules, struct start *start);
