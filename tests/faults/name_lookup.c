/* Stands before libc's getaddrinfo: what the file $NAME_LOOKUP says befalls every lookup of a name.
 *
 * "fail": no answer from any name server (EAI_AGAIN); "hang": no end to it until the word changes; anything else: the true lookup.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int befalls(const char *word)
{
    char said[8] = "";
    const char *path = getenv("NAME_LOOKUP");
    FILE *file = path ? fopen(path, "re") : NULL;
    if (file) {
        if (!fgets(said, sizeof said, file))
            said[0] = 0;
        fclose(file);
    }
    return !strncmp(said, word, strlen(word));
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **result)
{
    while (befalls("hang"))
        usleep(50000);
    if (befalls("fail"))
        return EAI_AGAIN;
    int (*true_lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&true_lookup = dlsym(RTLD_NEXT, "getaddrinfo");
    return true_lookup(node, service, hints, result);
}
