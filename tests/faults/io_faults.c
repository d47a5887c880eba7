/* Stands before libc (LD_PRELOAD): while the file named by $IO_FAULT holds a word, calls on the store's own files
   (kiosk.db, its log) meet that fault: fsync_stall, write_enospc, write_erofs, write_eio, write_short, read_eio. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int ordered(int fd, const char *wanted) {
    char word[32] = "", link[64], path[4096];
    const char *order = getenv("IO_FAULT");
    int saved = errno, file = order == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, order, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        long length = syscall(SYS_read, file, word, sizeof word - 1);
        word[length < 0 ? 0 : length] = 0;
        syscall(SYS_close, file);
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = strcmp(word, wanted) == 0 ? readlink(link, path, sizeof path - 1) : -1;
    errno = saved;
    if (length < 0)
        return 0;
    path[length] = 0;
    return strstr(path, "/kiosk.db") != NULL;
}

static long sync_by(long call, int fd) {
    if (ordered(fd, "fsync_stall"))
        sleep(2);
    return syscall(call, fd);
}

int fsync(int fd) { return (int)sync_by(SYS_fsync, fd); }

int fdatasync(int fd) { return (int)sync_by(SYS_fdatasync, fd); }

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
    if (ordered(fd, "write_enospc"))
        return errno = ENOSPC, -1;
    if (ordered(fd, "write_erofs"))
        return errno = EROFS, -1;
    if (ordered(fd, "write_eio"))
        return errno = EIO, -1;
    if (count > 1 && ordered(fd, "write_short"))
        count /= 2;
    return syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }

ssize_t pread64(int fd, void *bytes, size_t count, off64_t at) {
    if (ordered(fd, "read_eio"))
        return errno = EIO, -1;
    return syscall(SYS_pread64, fd, bytes, count, at);
}

ssize_t pread(int fd, void *bytes, size_t count, off_t at) { return pread64(fd, bytes, count, at); }
