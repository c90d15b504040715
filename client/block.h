/* A token as one block of memory: a tb_token, then all that it points to. It is built with offsets
 * where the pointers will be, so that it can be copied to wherever; then it is bound to its place.
 */
#ifndef TB_CLIENT_BLOCK_H
#define TB_CLIENT_BLOCK_H

#include "client/reply.h"

struct tb_block {
    uint64_t bytes; /* of all of it, a multiple of 8 */
    tb_token token;
};

#define TB_BLOCK_BYTES_MAX                                                                \
    (sizeof(struct tb_block) + TB_FRAME_BYTES_MAX + TB_SCOPES_MAX * sizeof(const char*) + \
     TB_ATTRIBUTES_MAX * sizeof(tb_pair) + 64)

/* Of the block that this token needs; never more than TB_BLOCK_BYTES_MAX. */
size_t tb_block_bytes(const struct tb_token_text* text);
/* BLOCK has that many bytes, aligned to 8. MADE: CLOCK_BOOTTIME when the daemon wrote the reply. */
void tb_block_pack(struct tb_block* block, const struct tb_token_text* text, int64_t made_boot_ms);
/* How long ago the daemon wrote this: it may have lain unread while the process was stopped or the
 * machine slept, and remaining_ms is of then. By the wall clock, but never more than since the call
 * was sent (ASKED), so that for a prompt answer a stepped wall clock does no harm. */
int64_t tb_reply_age_ms(const struct tb_token_text* text, int64_t asked_boot_ms,
                        int64_t now_boot_ms);
/* Offsets to pointers: once for each copy. */
const tb_token* tb_block_bind(struct tb_block* block);

#endif
