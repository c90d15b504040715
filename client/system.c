/* What is asked of the system beside sockets: the clock, the environment, its words for errors. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/inside.h"

#define SYSTEM_SOCKET "/run/tokenbroker/tokens.sock"

static int64_t clock_ms(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t tb_now_ms(void) {
    return clock_ms(CLOCK_BOOTTIME);
}

int64_t tb_wall_ms(void) {
    return clock_ms(CLOCK_REALTIME);
}

int64_t tb_nap_ms(int64_t left_ms) {
    return left_ms < 1000 ? left_ms : 1000;
}

tb_error tb_fail_errno(tb_failure* failure, tb_error error, const char* what, int number) {
    char words[128] = "", text[512];
    /* GNU's strerror_r: the text may stand elsewhere. */
    const char* said = strerror_r(number, words, sizeof words);
    snprintf(text, sizeof text, "%s: %s", what, said);
    return tb_fail(failure, error, text);
}

tb_error tb_place_find(struct tb_place* place, const char* given, tb_failure* failure) {
    memset(place, 0, sizeof *place);
    /* Not for set-uid programs: their environment is somebody else's. */
    if (given == NULL) given = secure_getenv("TOKENBROKER_SOCKET");
    if (given != NULL && *given != '\0') {
        if (strlen(given) >= sizeof place->given)
            return tb_fail(failure, TB_E_INVALID_ARGUMENT,
                           "the socket's path is longer than 107 bytes");
        strncpy(place->given, given, sizeof place->given - 1);
        return TB_OK;
    }
    const char* run = secure_getenv("XDG_RUNTIME_DIR");
    if (run != NULL && *run == '/') {
        const int size =
            snprintf(place->user, sizeof place->user, "%s/tokenbroker/tokens.sock", run);
        if (size < 0 || (size_t)size >= sizeof place->user) place->user[0] = '\0';
    }
    return TB_OK;
}

const char* tb_place_path(const struct tb_place* place) {
    if (place->given[0] != '\0') return place->given;
    if (place->user[0] != '\0' && access(place->user, F_OK) == 0) return place->user;
    return SYSTEM_SOCKET;
}
