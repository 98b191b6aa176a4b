#include "check.h"
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool refused(const char *path) {
    return path_problem(path, strlen(path)) != NULL;
}

static void paths(void) {
    char long_path[WORKSPACE_PATH_MAX + 2];
    EXPECT(!refused("a") && !refused("a/b/c.txt") && !refused("...") && !refused(".a") && !refused("a/..b"));
    EXPECT(refused("") && refused("/") && refused("/a") && refused("a/") && refused("a//b"));
    EXPECT(refused(".") && refused("..") && refused("../a") && refused("a/../b") && refused("a/..") && refused("./a"));
    EXPECT(path_problem("a\0b", 3) != NULL);
    memset(long_path, 'a', sizeof long_path);
    EXPECT(path_problem(long_path, 255) == NULL && path_problem(long_path, 256) != NULL);
    for (size_t i = 1; i < sizeof long_path; i += 2) {
        long_path[i] = '/';
    }
    EXPECT(path_problem(long_path, WORKSPACE_PATH_MAX) == NULL &&
           path_problem(long_path, WORKSPACE_PATH_MAX + 2) != NULL);
}

static int create(int workspace, const char *path, uint16_t mode) {
    return workspace_create(workspace, path, strlen(path), mode);
}

static void creation(void) {
    char folder[] = "/tmp/runner-test-XXXXXX";
    EXPECT(mkdtemp(folder) != NULL);
    const int workspace = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    EXPECT(workspace >= 0);
    struct stat found;
    int fd = create(workspace, "a/b/c", 0666);
    EXPECT(fd >= 0 && fstat(fd, &found) == 0 && (found.st_mode & 07777) == 0666);
    EXPECT(close(fd) == 0);
    EXPECT(create(workspace, "a/b/c", 0644) < 0 && errno == EEXIST);
    EXPECT(create(workspace, "a/b", 0644) < 0 && errno == EEXIST);
    EXPECT(create(workspace, "a/b/c/d", 0644) < 0 && errno == ENOTDIR);
    EXPECT(symlinkat("/tmp", workspace, "out") == 0 && symlinkat("/tmp/matchbox-never", workspace, "file") == 0);
    EXPECT(create(workspace, "out/x", 0644) < 0 && (errno == ENOTDIR || errno == ELOOP));
    EXPECT(create(workspace, "file", 0644) < 0 && errno == EEXIST);
    EXPECT(access("/tmp/matchbox-never", F_OK) < 0);
    EXPECT(workspace_open(workspace, "out", O_RDONLY) < 0 && errno == ELOOP);
    fd = workspace_open(workspace, "a/b/c", O_RDONLY);
    EXPECT(fd >= 0 && close(fd) == 0);
    EXPECT(unlinkat(workspace, "a/b/c", 0) == 0 && unlinkat(workspace, "a/b", AT_REMOVEDIR) == 0);
    EXPECT(unlinkat(workspace, "a", AT_REMOVEDIR) == 0 && unlinkat(workspace, "out", 0) == 0);
    EXPECT(unlinkat(workspace, "file", 0) == 0 && rmdir(folder) == 0 && close(workspace) == 0);
}

void files_tests(void) {
    check("a path that is absolute, empty or leads up is refused", paths);
    check("a file is created once, with its folders, and never through a link", creation);
}
