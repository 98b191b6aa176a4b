/* Paths of the protocol, followed inside the workspace one step at a time and never out of it. */
#ifndef MATCHBOX_FILES_H
#define MATCHBOX_FILES_H

#include <stddef.h>
#include <stdint.h>

enum { WORKSPACE_PATH_MAX = 4095, WORKSPACE_NAME_MAX = 255 };

/* NULL, or why this is not a relative path of plain names ("a/b.txt"). Does not touch the file system. */
const char *path_problem(const char *path, size_t length);

/*
 * Creates a new file of exactly this mode, and the folders on the way to it. Refuses what exists already and every
 * symbolic link. The path must have passed path_problem().
 * Returns a descriptor open for writing, or -1 with errno.
 */
int workspace_create(int workspace, const char *path, size_t length, uint16_t mode);

/* Opens what a walk has found, for reading. Returns a descriptor, or -1 with errno. */
int workspace_open(int workspace, const char *path, int flags);

#endif
