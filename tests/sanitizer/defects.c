/* One defect of each kind, for selftest.py: defects KIND. The process then ends well, or by kill
 * -9. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int shared;
static void* change(void* argument) {
    ++shared;
    return argument;
}

static void race(void) {
    pthread_t threads[2];
    for (int i = 0; i < 2; ++i)
        pthread_create(&threads[i], NULL, change, NULL);
    for (int i = 0; i < 2; ++i)
        pthread_join(threads[i], NULL);
}

int main(int count, char** words) {
    const char* const kind = count > 1 ? words[1] : "none";
    char* volatile memory = malloc(8);
    if (strcmp(kind, "leak") == 0) memory = NULL;
    if (strcmp(kind, "address") == 0) memory[7 + count] = 1;
    if (strcmp(kind, "undefined") == 0) shared = INT_MAX - 1 + count;
    if (strncmp(kind, "race", 4) == 0) race();
    if (strcmp(kind, "race and killed") == 0) kill(getpid(), SIGKILL);
    free(memory);
    return 0;
}
