/* A reply of the daemon, read in place out of its frame. What must stay true: a token that gets
 * through here can be sent as it is (no control characters, no NUL), and what an error says is a
 * code of ours and the daemon's words, never a piece of an unreadable frame. */
#ifndef TB_CLIENT_REPLY_H
#define TB_CLIENT_REPLY_H

#include "client/json.h"
#include "client/tokenbroker.h"

/* More than any daemon of ours sends: see base/limits.hpp. */
enum {
    TB_TOKEN_BYTES_MAX = 16 * 1024,
    TB_SCOPES_MAX = 512,
    TB_ATTRIBUTES_MAX = 64,
    TB_ACCOUNT_BYTES_MAX = 128
};
/* A token of 16 KiB stands in a reply three times, and 32 attributes of 1 KiB beside it; each byte
 * may need an escape. */
#define TB_FRAME_BYTES_MAX ((size_t)256 * 1024)

struct tb_token_text {
    struct tb_text account, token;
    struct tb_text header_name, header_value;
    struct tb_text query_name, query_value;
    int64_t generation, expires_at_ms, remaining_ms; /* the last two: -1, never */
    struct tb_text scopes[TB_SCOPES_MAX];
    struct tb_text attributes[TB_ATTRIBUTES_MAX][2];
    size_t scopes_count, attributes_count;
};

struct tb_reply {
    tb_error error; /* TB_OK: no error was answered */
    bool continues;
    struct tb_text account, event, reason, parameter;
    int64_t retry_after_ms, longest_ms; /* 0: not said */
    bool renewal_started, has_renewal_started;
    bool has_token;
    struct tb_token_text token;
};

/* FRAME is without its NUL, but FRAME[SIZE] has to be writable. False: no reply of ours. The texts
 * in REPLY stand in the frame. */
bool tb_reply_read(char* frame, size_t size, struct tb_reply* reply);

/* The error's name with its interface, as in the interface file. TB_E_PROTOCOL: none of ours. */
tb_error tb_error_of_name(const char* name);

#endif
