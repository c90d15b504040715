/* What a `tokenbroker get` asks for, read from its words. What must stay true: a wish that is read
 * here means what cli/arguments.cpp would have read from the same words; whatever is not certain is
 * left to it. */
#ifndef TB_FRONT_WISH_H
#define TB_FRONT_WISH_H

#include <stdbool.h>
#include <stdint.h>

enum { TB_FRONT_TIMEOUT_MS_DEFAULT = 10000 }; /* as in cli/commands.hpp; a test compares */

struct tb_wish {
    const char* account;
    const char* socket;       /* NULL: not given */
    int64_t min_remaining_ms; /* -1: not given */
    int64_t timeout_ms;
    bool header;
};

/* ARGV ends with NULL; argv[0] is the program. False: for the full command. */
bool tb_wish_read(char* const* argv, struct tb_wish* wish);

#endif
