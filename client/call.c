/* Calls in JSON. What must stay true: whatever bytes a caller gives, the call is one JSON object
 * and one NUL, or it is marked as not to be sent. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/inside.h"

static void put_bytes(struct tb_call* call, const char* bytes, size_t size) {
    if (size > sizeof call->text - call->size) {
        call->full = true;
        return;
    }
    memcpy(call->text + call->size, bytes, size);
    call->size += size;
}

static void put(struct tb_call* call, const char* text) {
    put_bytes(call, text, strlen(text));
}

/* Quoted. Bytes above 0x7F go as they are: whether they are UTF-8 is for the daemon to judge. */
static void put_string(struct tb_call* call, const char* text) {
    put(call, "\"");
    for (; *text != '\0'; ++text) {
        const unsigned char c = (unsigned char)*text;
        char escape[8];
        if (c == '"' || c == '\\') {
            put_bytes(call, "\\", 1);
        } else if (c < 0x20) {
            snprintf(escape, sizeof escape, "\\u%04x", c);
            put(call, escape);
            continue;
        }
        put_bytes(call, text, 1);
    }
    put(call, "\"");
}

static void put_name(struct tb_call* call, const char* name) {
    if (call->size > 0 && call->text[call->size - 1] != '{') put(call, ",");
    put_string(call, name);
    put(call, ":");
}

void tb_call_begin(struct tb_call* call, const char* method) {
    call->size = 0;
    call->full = false;
    put(call, "{\"method\":\"io.tokenbroker.tokens.");
    put(call, method);
    put(call, "\",\"parameters\":{");
}

void tb_call_text(struct tb_call* call, const char* name, const char* value) {
    put_name(call, name);
    put_string(call, value);
}

void tb_call_integer(struct tb_call* call, const char* name, int64_t value) {
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRId64, value);
    put_name(call, name);
    put(call, digits);
}

void tb_call_pairs(struct tb_call* call, const char* name, const tb_pair* pairs, size_t count) {
    put_name(call, name);
    put(call, "{");
    for (size_t i = 0; i < count; ++i)
        tb_call_text(call, pairs[i].name, pairs[i].value);
    put(call, "}");
}

void tb_call_list(struct tb_call* call, const char* name, const char* only) {
    put_name(call, name);
    put(call, "[");
    put_string(call, only);
    put(call, "]");
}

void tb_call_end(struct tb_call* call, bool more) {
    put(call, more ? "},\"more\":true}" : "}}");
    put_bytes(call, "", 1);
}

bool tb_is_account(const char* account) {
    if (account == NULL || *account == '\0') return false;
    const size_t size = strnlen(account, TB_ACCOUNT_BYTES_MAX + 1);
    if (size > TB_ACCOUNT_BYTES_MAX) return false;
    for (size_t i = 0; i < size; ++i)
        if ((unsigned char)account[i] <= 0x20 || account[i] == 0x7F) return false;
    return true;
}
