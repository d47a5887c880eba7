/* The floor of every durable record: append 200 bytes to a file and fsync it, with nothing round it.

   usage: append_and_sync FILE. Each line on standard input is a count; it appends that many times and answers with the
   nanoseconds it took. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char **argv) {
    char record[200];
    int file = argc == 2 ? open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (file < 0) return 2;
    memset(record, 'x', sizeof record);
    for (int count; scanf("%d", &count) == 1; fflush(stdout)) {
        long long began = now_ns();
        while (count-- > 0)
            if (write(file, record, sizeof record) != sizeof record || fsync(file)) return 1;
        printf("%lld\n", now_ns() - began);
    }
    return 0;
}
