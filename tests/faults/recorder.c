/* Stands before libc (LD_PRELOAD) and records, in their order and with their data, all changes of files below $RECORDER_FOLDER
   and all syncs: what a power cut could undo. The record goes to $RECORDER_LOG, which several processes may share.

   One entry, little-endian: length of what follows (u32), kind (u8), process (i32), descriptor (i32), number (i64: flags of an
   open, offset of a write, new size), length of the path (u32), path, data. Kinds: (O)pen, the same of a (D)irectory, (W)rite,
   (T)runcate, (S)ync, (C)lose, (R)ename, (L)ink, (U)nlink, (M)kdir; (A)nswer is what went out by a listening Unix socket, which is how a tap is
   acknowledged, and (K) a mark that the recorded program makes by recorder_mark.

   One lock is held from a call to its entry, so that the order of the entries is the order of the calls. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { MOST_FDS = 4096, PATH_MAX_HERE = 4096 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char folder[PATH_MAX_HERE];
static size_t folder_length;
static int log_fd = -1;
static char ours[MOST_FDS];

__attribute__((constructor)) static void begin(void) {
    const char *place = getenv("RECORDER_FOLDER"), *log = getenv("RECORDER_LOG");
    if (place == NULL || log == NULL || realpath(place, folder) == NULL) return;
    folder_length = strlen(folder);
    log_fd = (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int is_ours(int fd) { return log_fd >= 0 && fd >= 0 && fd < MOST_FDS && ours[fd]; }

static int is_below(const char *path) {
    return !strncmp(path, folder, folder_length) && (path[folder_length] == '/' || !path[folder_length]);
}

static void note(char kind, int fd, int64_t number, const char *path, const void *data, size_t size) {
    int before = errno;
    int32_t process = getpid(), descriptor = fd;
    uint32_t path_length = path == NULL ? 0 : (uint32_t)strlen(path);
    uint32_t length = (uint32_t)(1 + 4 + 4 + 8 + 4 + path_length + size);
    struct iovec parts[] = {{&length, 4}, {&kind, 1}, {&process, 4}, {&descriptor, 4}, {&number, 8}, {&path_length, 4},
        {(void *)path, path_length}, {(void *)data, size}};
    if (syscall(SYS_writev, log_fd, parts, 8) != (long)(length + 4)) abort(); /* a record with a hole would prove nothing */
    errno = before;
}

/* The absolute name of what a directory descriptor and a path mean; the last part need not exist. */
static void absolute(int at, const char *path, char *into) {
    char link[40], base[PATH_MAX_HERE];
    if (path[0] == '/') {
        snprintf(into, PATH_MAX_HERE, "%s", path);
        return;
    }
    if (at == AT_FDCWD) {
        if (getcwd(base, sizeof base) == NULL) base[0] = 0;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", at);
        ssize_t length = readlink(link, base, sizeof base - 1);
        base[length < 0 ? 0 : length] = 0;
    }
    if ((size_t)snprintf(into, PATH_MAX_HERE, "%s/%s", base, path) >= PATH_MAX_HERE) abort();
}

static int open_by(int at, const char *path, int flags, mode_t mode) {
    if (log_fd < 0) return (int)syscall(SYS_openat, at, path, flags, mode);
    pthread_mutex_lock(&lock);
    int fd = (int)syscall(SYS_openat, at, path, flags, mode);
    if (fd >= 0 && fd < MOST_FDS) {
        char link[40], name[PATH_MAX_HERE];
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        ssize_t length = readlink(link, name, sizeof name - 1);
        name[length < 0 ? 0 : length] = 0;
        struct stat found;
        ours[fd] = is_below(name) && !(flags & O_PATH) && !fstat(fd, &found) && (S_ISREG(found.st_mode) || S_ISDIR(found.st_mode));
        if (ours[fd]) note(S_ISDIR(found.st_mode) ? 'D' : 'O', fd, flags, name, NULL, 0);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE_OF(flags)                                     \
    mode_t mode = 0;                                       \
    if ((flags) & (O_CREAT | O_TMPFILE)) {                 \
        va_list rest;                                      \
        va_start(rest, flags);                             \
        mode = va_arg(rest, mode_t);                       \
        va_end(rest);                                      \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_by(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_by(AT_FDCWD, path, flags, mode);
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_by(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_by(at, path, flags, mode);
}

int close(int fd) {
    if (!is_ours(fd)) return (int)syscall(SYS_close, fd);
    pthread_mutex_lock(&lock);
    note('C', fd, 0, NULL, NULL, 0);
    ours[fd] = 0;
    int done = (int)syscall(SYS_close, fd);
    pthread_mutex_unlock(&lock);
    return done;
}

static ssize_t write_by(int fd, const void *from, size_t size, off_t at, int has_place) {
    if (!is_ours(fd)) return has_place ? syscall(SYS_pwrite64, fd, from, size, at) : syscall(SYS_write, fd, from, size);
    pthread_mutex_lock(&lock);
    struct stat found;
    if (!has_place)
        at = fcntl(fd, F_GETFL) & O_APPEND ? (fstat(fd, &found) ? 0 : found.st_size) : lseek(fd, 0, SEEK_CUR);
    ssize_t written = has_place ? syscall(SYS_pwrite64, fd, from, size, at) : syscall(SYS_write, fd, from, size);
    if (written > 0) note('W', fd, at, NULL, from, (size_t)written);
    pthread_mutex_unlock(&lock);
    return written;
}

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return write_by(fd, from, size, at, 1); }

ssize_t pwrite64(int fd, const void *from, size_t size, off_t at) { return write_by(fd, from, size, at, 1); }

/* What goes out by a listening socket is an answer to somebody: from here on it is known outside of the process. */
static void note_answer(int fd, const void *from, size_t size) {
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    if (log_fd < 0 || getsockname(fd, (struct sockaddr *)&name, &length)) return;
    if (name.sun_family != AF_UNIX || length <= sizeof name.sun_family) return;
    pthread_mutex_lock(&lock);
    note('A', fd, 0, NULL, from, size);
    pthread_mutex_unlock(&lock);
}

ssize_t write(int fd, const void *from, size_t size) {
    return write_by(fd, from, size, 0, 0);
}

ssize_t send(int fd, const void *from, size_t size, int flags) {
    note_answer(fd, from, size);
    return syscall(SYS_sendto, fd, from, size, flags, NULL, 0);
}

ssize_t writev(int fd, const struct iovec *parts, int count) {
    if (!is_ours(fd)) return syscall(SYS_writev, fd, parts, count);
    ssize_t whole = 0;
    for (int each = 0; each < count; each++) {
        ssize_t written = write(fd, parts[each].iov_base, parts[each].iov_len);
        if (written < 0) return whole ? whole : written;
        whole += written;
        if ((size_t)written < parts[each].iov_len) break;
    }
    return whole;
}

/* Copies inside the kernel carry no data past us: whoever asks for one writes instead. */
ssize_t sendfile(int to, int from, off_t *at, size_t size) {
    if (!is_ours(to)) return syscall(SYS_sendfile, to, from, at, size);
    errno = EINVAL;
    return -1;
}

ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { return sendfile(to, from, (off_t *)at, size); }

ssize_t copy_file_range(int from, off64_t *from_at, int to, off64_t *to_at, size_t size, unsigned flags) {
    if (!is_ours(to)) return syscall(SYS_copy_file_range, from, from_at, to, to_at, size, flags);
    errno = ENOSYS;
    return -1;
}

int ftruncate(int fd, off_t size) {
    if (!is_ours(fd)) return (int)syscall(SYS_ftruncate, fd, size);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(SYS_ftruncate, fd, size);
    if (!done) note('T', fd, size, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

static int sync_by(long call, int fd) {
    if (!is_ours(fd)) return (int)syscall(call, fd);
    pthread_mutex_lock(&lock);
    int done = (int)syscall(call, fd);
    if (!done) note('S', fd, 0, NULL, NULL, 0);
    pthread_mutex_unlock(&lock);
    return done;
}

int fsync(int fd) { return sync_by(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }

/* A change of names: kind, and where it says to and from. */
static int name_by(char kind, int done, const char *path, const char *other) {
    if (!done && (is_below(path) || (other != NULL && is_below(other))))
        note(kind, -1, 0, path, other, other == NULL ? 0 : strlen(other));
    return done;
}

int renameat2(int from_at, const char *from, int to_at, const char *to, unsigned flags) {
    char old[PATH_MAX_HERE], new[PATH_MAX_HERE];
    if (log_fd < 0) return (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags);
    pthread_mutex_lock(&lock);
    absolute(from_at, from, old);
    absolute(to_at, to, new);
    int done = name_by('R', (int)syscall(SYS_renameat2, from_at, from, to_at, to, flags), old, new);
    pthread_mutex_unlock(&lock);
    return done;
}

int renameat(int from_at, const char *from, int to_at, const char *to) { return renameat2(from_at, from, to_at, to, 0); }

int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }

int linkat(int from_at, const char *from, int to_at, const char *to, int flags) {
    char old[PATH_MAX_HERE], new[PATH_MAX_HERE];
    if (log_fd < 0) return (int)syscall(SYS_linkat, from_at, from, to_at, to, flags);
    pthread_mutex_lock(&lock);
    absolute(from_at, from, old);
    absolute(to_at, to, new);
    int done = name_by('L', (int)syscall(SYS_linkat, from_at, from, to_at, to, flags), old, new);
    pthread_mutex_unlock(&lock);
    return done;
}

int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }

int unlinkat(int at, const char *path, int flags) {
    char name[PATH_MAX_HERE];
    if (log_fd < 0) return (int)syscall(SYS_unlinkat, at, path, flags);
    pthread_mutex_lock(&lock);
    absolute(at, path, name);
    int done = name_by('U', (int)syscall(SYS_unlinkat, at, path, flags), name, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

int unlink(const char *path) { return unlinkat(AT_FDCWD, path, 0); }

int mkdirat(int at, const char *path, mode_t mode) {
    char name[PATH_MAX_HERE];
    if (log_fd < 0) return (int)syscall(SYS_mkdirat, at, path, mode);
    pthread_mutex_lock(&lock);
    absolute(at, path, name);
    int done = name_by('M', (int)syscall(SYS_mkdirat, at, path, mode), name, NULL);
    pthread_mutex_unlock(&lock);
    return done;
}

int mkdir(const char *path, mode_t mode) { return mkdirat(AT_FDCWD, path, mode); }

void recorder_mark(const char *text) {
    if (log_fd < 0) return;
    pthread_mutex_lock(&lock);
    note('K', -1, 0, NULL, text, strlen(text));
    pthread_mutex_unlock(&lock);
}
