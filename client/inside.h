/* What the library's files share and nobody else sees. */
#ifndef TB_CLIENT_INSIDE_H
#define TB_CLIENT_INSIDE_H

#include "client/reply.h"

enum { TB_DEADLINE_MS_MAX = 300000, TB_DEADLINE_MS_DEFAULT = 10000, TB_PARAMETERS_MAX = 8 };

/* Fill a failure (NULL is fine) and give the error back. Without a reason it is tb_strerror's. */
tb_error tb_fail(tb_failure* failure, tb_error error, const char* reason);
tb_error tb_fail_text(tb_failure* failure, tb_error error, const struct tb_text* reason);
tb_error tb_fail_reply(tb_failure* failure, const struct tb_reply* reply);
/* "WHAT: strerror(NUMBER)". */
tb_error tb_fail_errno(tb_failure* failure, tb_error error, const char* what, int number);

/* CLOCK_BOOTTIME: tokens go on expiring in suspend, and so do deadlines. */
int64_t tb_now_ms(void);
/* How long to wait in one go: the kernel's timeouts stand still in suspend, so the clock is looked
 * at every second. */
int64_t tb_nap_ms(int64_t left_ms);
/* CLOCK_REALTIME: may be stepped, but goes on whatever befalls this process. */
int64_t tb_wall_ms(void);

/* Where the daemon's socket is. The environment is read once; whether a user's daemon is there is
 * looked at each time. */
enum { TB_PATH_BYTES = 108 }; /* sockaddr_un */
struct tb_place {
    char given[TB_PATH_BYTES]; /* by the caller or the environment; "": nobody did */
    char user[TB_PATH_BYTES];
};
tb_error tb_place_find(struct tb_place* place, const char* given, tb_failure* failure);
const char* tb_place_path(const struct tb_place* place);

/* "client/name": not empty, at most 128 bytes, printable. */
bool tb_is_account(const char* account);

/* A call as it goes over the wire, with its NUL. Wiped by the one who has it. */
struct tb_call {
    char text[16 * 1024];
    size_t size;
    bool full; /* something didn't fit */
};
void tb_call_begin(struct tb_call* call, const char* method);
void tb_call_text(struct tb_call* call, const char* name, const char* value);
void tb_call_integer(struct tb_call* call, const char* name, int64_t value);
void tb_call_pairs(struct tb_call* call, const char* name, const tb_pair* pairs, size_t count);
void tb_call_list(struct tb_call* call, const char* name, const char* only);
void tb_call_end(struct tb_call* call, bool more);

#endif
