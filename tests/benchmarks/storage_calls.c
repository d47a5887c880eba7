/* Stands before libc (LD_PRELOAD) and counts what really reaches the kernel: syncs, writes and their bytes, by the kind
   of file. storage_delay_us makes every sync as slow as a card's, so that a burst meets a busy disk for certain. */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { JOURNAL, STORE, OTHER };

struct { long long syncs, writes, bytes; } storage_calls[3];
int storage_delay_us;

static int kind_of(int fd) {
    char link[40], name[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, name, sizeof name - 1);
    if (length < 4) return OTHER;
    name[length] = 0;
    if (!strcmp(name + length - 4, "-wal")) return JOURNAL;
    return strcmp(name + length - 3, ".db") ? OTHER : STORE;
}

static int sync_by(long call, int fd) {
    __atomic_add_fetch(&storage_calls[kind_of(fd)].syncs, 1, __ATOMIC_RELAXED);
    if (storage_delay_us) usleep(storage_delay_us);
    return (int)syscall(call, fd);
}

static ssize_t note(int fd, ssize_t written) {
    int kind = kind_of(fd);
    __atomic_add_fetch(&storage_calls[kind].writes, 1, __ATOMIC_RELAXED);
    if (written > 0) __atomic_add_fetch(&storage_calls[kind].bytes, written, __ATOMIC_RELAXED);
    return written;
}

int fsync(int fd) { return sync_by(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }

ssize_t write(int fd, const void *from, size_t size) { return note(fd, syscall(SYS_write, fd, from, size)); }

ssize_t pwrite(int fd, const void *from, size_t size, off_t at) { return note(fd, syscall(SYS_pwrite64, fd, from, size, at)); }

ssize_t pwrite64(int fd, const void *from, size_t size, off_t at) { return note(fd, syscall(SYS_pwrite64, fd, from, size, at)); }
