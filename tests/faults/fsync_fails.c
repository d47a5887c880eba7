/* Stands before libc (LD_PRELOAD): fsync and fdatasync fail with EIO while the file named by $FSYNC_FAILS_WHILE exists.
   The kernel then behaves as on a dying card: the write was taken, and never reached the medium. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(void) {
    const char *mark = getenv("FSYNC_FAILS_WHILE");
    return mark != NULL && access(mark, F_OK) == 0;
}

static int sync_by(long call, int fd) {
    if (fails()) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fsync(int fd) { return sync_by(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }
