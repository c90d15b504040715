/* See wish.h. */
#include "front/wish.h"

#include <stddef.h>
#include <string.h>

#include "client/inside.h"

/* Digits and one unit, as nearly everybody writes it: "60s". */
static bool read_duration(const char* word, int64_t* ms) {
    static const struct {
        const char* name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    int64_t value = 0;
    const char* at = word;
    while (*at >= '0' && *at <= '9' && at - word < 8)
        value = value * 10 + (*at++ - '0');
    if (at == word) return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; ++i) {
        if (strcmp(at, units[i].name) != 0) continue;
        *ms = value * units[i].ms;
        return *ms <= INT64_C(86400000);
    }
    return false;
}

/* The value of "NAME VALUE" or "NAME=VALUE" at **ARGV, which is left at its last word. NULL:
 * another word, or no value. */
static const char* value_of(const char* name, char* const** argv) {
    const char* const word = **argv;
    const size_t size = strlen(name);
    if (strncmp(word, name, size) != 0) return NULL;
    if (word[size] == '=') return word + size + 1;
    if (word[size] != '\0' || (*argv)[1] == NULL) return NULL;
    ++*argv;
    return **argv;
}

static bool read_option(char* const** argv, struct tb_wish* wish) {
    const char* value = NULL;
    if (strcmp(**argv, "--header") == 0 && !wish->header) return wish->header = true;
    if ((value = value_of("--socket", argv)) != NULL && wish->socket == NULL && *value != '\0') {
        wish->socket = value;
        return *value != '-';
    }
    if ((value = value_of("--min-remaining", argv)) != NULL && wish->min_remaining_ms < 0)
        return read_duration(value, &wish->min_remaining_ms);
    if ((value = value_of("--timeout", argv)) != NULL && wish->timeout_ms < 0)
        /* More than the daemon waits: the full command says so. */
        return read_duration(value, &wish->timeout_ms) && wish->timeout_ms <= TB_DEADLINE_MS_MAX;
    return false;
}

bool tb_wish_read(char* const* argv, struct tb_wish* wish) {
    bool get = false;
    *wish = (struct tb_wish){NULL, NULL, -1, -1, false};
    if (*argv == NULL) return false;
    for (++argv; *argv != NULL; ++argv) {
        if (**argv == '-') {
            /* Before the command only what any command takes: the rest is the full one's to judge.
             */
            if (!get && strncmp(*argv, "--socket", strlen("--socket")) != 0) return false;
            if (!read_option(&argv, wish)) return false;
        } else if (!get) {
            if (strcmp(*argv, "get") != 0) return false;
            get = true;
        } else if (wish->account == NULL && tb_is_account(*argv)) {
            wish->account = *argv;
        } else {
            return false;
        }
    }
    if (wish->timeout_ms < 0) wish->timeout_ms = TB_FRONT_TIMEOUT_MS_DEFAULT;
    return get && wish->account != NULL;
}
