/* See block.h. An offset is never 0, as the block begins with its size: NULL stays NULL. */
#include "client/block.h"

#include <string.h>

#include "client/inside.h"

/* Where the next string goes. */
struct filler {
    char* base;
    size_t at;
};

static size_t text_bytes(const struct tb_text* text) {
    return text->data == NULL ? 0 : text->size + 1;
}

static const char* as_pointer(size_t offset) {
    return (const char*)(uintptr_t)offset; /* until tb_block_bind */
}

static const char* put(struct filler* into, const struct tb_text* text) {
    if (text->data == NULL) return NULL;
    const size_t offset = into->at;
    memcpy(into->base + offset, text->data, text->size);
    into->base[offset + text->size] = '\0';
    into->at += text->size + 1;
    return as_pointer(offset);
}

static size_t arrays_bytes(const struct tb_token_text* text) {
    return text->attributes_count * sizeof(tb_pair) + text->scopes_count * sizeof(const char*);
}

size_t tb_block_bytes(const struct tb_token_text* text) {
    size_t bytes = sizeof(struct tb_block) + arrays_bytes(text);
    bytes += text_bytes(&text->account) + text_bytes(&text->token);
    bytes += text_bytes(&text->header_name) + text_bytes(&text->header_value);
    bytes += text_bytes(&text->query_name) + text_bytes(&text->query_value);
    for (size_t i = 0; i < text->scopes_count; ++i)
        bytes += text_bytes(&text->scopes[i]);
    for (size_t i = 0; i < text->attributes_count; ++i)
        bytes += text_bytes(&text->attributes[i][0]) + text_bytes(&text->attributes[i][1]);
    return (bytes + 7) / 8 * 8;
}

static int64_t sum_or_max(int64_t a, int64_t b) {
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

int64_t tb_reply_age_ms(const struct tb_token_text* text, int64_t asked_boot_ms,
                        int64_t now_boot_ms) {
    if (text->remaining_ms < 0) return 0;
    const int64_t left = text->expires_at_ms - tb_wall_ms();
    if (left >= text->remaining_ms) return 0;
    const int64_t by_wall =
        left < 0 ? sum_or_max(text->remaining_ms, -left) : text->remaining_ms - left;
    const int64_t most = now_boot_ms - asked_boot_ms;
    return by_wall < most ? by_wall : most;
}

void tb_block_pack(struct tb_block* block, const struct tb_token_text* text, int64_t made_boot_ms) {
    const size_t bytes = tb_block_bytes(text);
    memset(block, 0, bytes);
    block->bytes = bytes;
    char* const base = (char*)block;
    const size_t pairs_at = sizeof *block;
    const size_t scopes_at = pairs_at + text->attributes_count * sizeof(tb_pair);
    struct filler into = {base, sizeof *block + arrays_bytes(text)};
    tb_token* const token = &block->token;
    token->account = put(&into, &text->account);
    token->token = put(&into, &text->token);
    token->token_bytes = text->token.size;
    token->header_name = put(&into, &text->header_name);
    token->header_value = put(&into, &text->header_value);
    token->query_name = put(&into, &text->query_name);
    token->query_value = put(&into, &text->query_value);
    token->generation = text->generation;
    token->expires_at_ms = text->expires_at_ms;
    token->until_boot_ms =
        text->remaining_ms < 0 ? -1 : sum_or_max(text->remaining_ms, made_boot_ms);
    tb_pair* const pairs = (tb_pair*)(base + pairs_at);
    for (size_t i = 0; i < text->attributes_count; ++i) {
        pairs[i].name = put(&into, &text->attributes[i][0]);
        pairs[i].value = put(&into, &text->attributes[i][1]);
    }
    const char** const scopes = (const char**)(base + scopes_at);
    for (size_t i = 0; i < text->scopes_count; ++i)
        scopes[i] = put(&into, &text->scopes[i]);
    token->attributes_count = text->attributes_count;
    token->attributes = (const tb_pair*)(const void*)as_pointer(pairs_at);
    token->scopes_count = text->scopes_count;
    token->scopes = (const char* const*)(const void*)as_pointer(scopes_at);
}

static void bind(const struct tb_block* block, const char** pointer) {
    if (*pointer != NULL) *pointer = (const char*)block + (uintptr_t)*pointer;
}

const tb_token* tb_block_bind(struct tb_block* block) {
    tb_token* const token = &block->token;
    char* const base = (char*)block;
    bind(block, &token->account);
    bind(block, &token->token);
    bind(block, &token->header_name);
    bind(block, &token->header_value);
    bind(block, &token->query_name);
    bind(block, &token->query_value);
    tb_pair* const pairs = (tb_pair*)(void*)(base + (uintptr_t)token->attributes);
    const char** const scopes = (const char**)(void*)(base + (uintptr_t)token->scopes);
    for (size_t i = 0; i < token->attributes_count; ++i) {
        bind(block, &pairs[i].name);
        bind(block, &pairs[i].value);
    }
    for (size_t i = 0; i < token->scopes_count; ++i)
        bind(block, &scopes[i]);
    token->attributes = pairs;
    token->scopes = scopes;
    return token;
}
