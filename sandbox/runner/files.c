#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0755 };

const char *path_problem(const char *path, size_t length) {
    if (length == 0 || length > WORKSPACE_PATH_MAX) {
        return "path is empty or too long";
    }
    if (memchr(path, '\0', length) != NULL) {
        return "path contains NUL";
    }
    size_t start = 0;
    for (size_t end = 0; end <= length; end++) {
        if (end < length && path[end] != '/') {
            continue;
        }
        /* An empty name is a leading, doubled or trailing slash. */
        const size_t name = end - start;
        if (name == 0 || name > WORKSPACE_NAME_MAX) {
            return "path is not relative, or has an empty or too long name";
        }
        if (path[start] == '.' && (name == 1 || (name == 2 && path[start + 1] == '.'))) {
            return "path contains . or ..";
        }
        start = end + 1;
    }
    return NULL;
}

/* close() that keeps the errno of what went wrong before it. */
static void close_quietly(int fd) {
    const int saved = errno;
    (void)close(fd);
    errno = saved;
}

/*
 * Opens the folder that holds the last name of `path`, making folders where `make` says so, and points *name at that
 * last name. O_NOFOLLOW guards only the last step of an openat(), hence one call for each step. O_PATH asks for no more
 * permission than passing through does.
 */
static int open_parent(int workspace, char *path, int make, const char **name) {
    int folder = workspace;
    char *step = path;
    for (char *slash = strchr(step, '/'); slash != NULL; slash = strchr(step, '/')) {
        *slash = '\0';
        int next = -1;
        if (!make || mkdirat(folder, step, FOLDER_MODE) == 0 || errno == EEXIST) {
            next = openat(folder, step, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        }
        if (folder != workspace) {
            close_quietly(folder);
        }
        if (next < 0) {
            return -1;
        }
        folder = next;
        step = slash + 1;
    }
    *name = step;
    return folder;
}

int workspace_create(int workspace, const char *path, size_t length, uint16_t mode) {
    char copy[WORKSPACE_PATH_MAX + 1];
    memcpy(copy, path, length);
    copy[length] = '\0';
    const char *name = NULL;
    const int folder = open_parent(workspace, copy, 1, &name);
    if (folder < 0) {
        return -1;
    }
    /* Created closed to others, then opened up as asked: fchmod() is not subject to the umask. */
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd >= 0 && fchmod(fd, mode) != 0) {
        close_quietly(fd);
        fd = -1;
    }
    if (folder != workspace) {
        close_quietly(folder);
    }
    return fd;
}

int workspace_open(int workspace, const char *path, int flags) {
    char copy[WORKSPACE_PATH_MAX + 1];
    const size_t length = strlen(path);
    if (length > WORKSPACE_PATH_MAX) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(copy, path, length + 1);
    const char *name = NULL;
    const int folder = open_parent(workspace, copy, 0, &name);
    if (folder < 0) {
        return -1;
    }
    const int fd = openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (folder != workspace) {
        close_quietly(folder);
    }
    return fd;
}
