/* See reply.h. Unknown members of parameters and of a token are passed over: a newer daemon may
 * send them. Beside error, parameters and continues nothing is taken, as Varlink has nothing else.
 */
#include "client/reply.h"

#include <string.h>

/* What a member's value is read into. */
struct slot {
    const char* name;
    enum { TEXT, INTEGER, BOOLEAN, OBJECT } kind;
    void* into;
    bool seen;
};

typedef bool object_reader(struct tb_json* json, struct tb_reply* reply);

static bool read_token(struct tb_json* json, struct tb_reply* reply);

static bool read_value(struct tb_json* json, struct slot* slot, struct tb_reply* reply) {
    if (slot->seen) return false; /* twice: which one is meant? */
    slot->seen = true;
    if (tb_json_null(json)) {
        slot->seen = false;
        return true;
    }
    switch (slot->kind) {
        case TEXT:
            return tb_json_string(json, slot->into);
        case INTEGER:
            return tb_json_integer(json, slot->into);
        case BOOLEAN:
            return tb_json_boolean(json, slot->into);
        case OBJECT:
            return read_token(json, reply);
    }
    return false;
}

/* An object's members into the slots; others are skipped, or refused when STRICT. */
static bool read_slots(struct tb_json* json, struct slot* slots, size_t count,
                       struct tb_reply* reply) {
    struct tb_text key;
    bool first = true;
    int more = -1;
    if (!tb_json_open(json, '{')) return false;
    while ((more = tb_json_member(json, &key, &first)) == 1) {
        size_t i = 0;
        while (i < count && strcmp(slots[i].name, key.data) != 0)
            ++i;
        if (!(i < count ? read_value(json, &slots[i], reply) : tb_json_skip(json))) return false;
    }
    return more == 0;
}

/* Of a header or a query parameter. */
static bool read_pair(struct tb_json* json, struct tb_text* name, struct tb_text* value) {
    struct slot slots[] = {{"name", TEXT, name, false}, {"value", TEXT, value, false}};
    return read_slots(json, slots, 2, NULL) && slots[0].seen && slots[1].seen;
}

static bool read_scopes(struct tb_json* json, struct tb_token_text* token) {
    bool first = true;
    int more = -1;
    if (!tb_json_open(json, '[')) return false;
    while ((more = tb_json_item(json, &first)) == 1) {
        if (token->scopes_count == TB_SCOPES_MAX) return false;
        if (!tb_json_string(json, &token->scopes[token->scopes_count++])) return false;
    }
    return more == 0;
}

static bool read_attributes(struct tb_json* json, struct tb_token_text* token) {
    struct tb_text key;
    bool first = true;
    int more = -1;
    if (!tb_json_open(json, '{')) return false;
    while ((more = tb_json_member(json, &key, &first)) == 1) {
        if (token->attributes_count == TB_ATTRIBUTES_MAX) return false;
        struct tb_text* const pair = token->attributes[token->attributes_count++];
        pair[0] = key;
        if (!tb_json_string(json, &pair[1])) return false;
    }
    return more == 0;
}

/* Bytes that may stand in a header line: FROM..0x7E, or anything above. */
static bool is_clean(const struct tb_text* text, unsigned char from) {
    for (size_t i = 0; i < text->size; ++i) {
        const unsigned char c = (unsigned char)text->data[i];
        if (c < from || c == 0x7F) return false;
    }
    return true;
}

static bool is_printable_ascii(const struct tb_text* text) {
    for (size_t i = 0; i < text->size; ++i)
        if ((unsigned char)text->data[i] >= 0x7F) return false;
    return is_clean(text, 0x21);
}

static bool is_usable(const struct tb_token_text* token) {
    if (token->account.size == 0 || token->account.size > TB_ACCOUNT_BYTES_MAX) return false;
    if (token->token.size == 0 || token->token.size > TB_TOKEN_BYTES_MAX) return false;
    if (!is_printable_ascii(&token->token) || !is_printable_ascii(&token->header_name))
        return false;
    if (token->header_name.size == 0 || token->header_value.size == 0) return false;
    if (!is_clean(&token->header_value, 0x20)) return false;
    if (token->query_name.data != NULL &&
        (token->query_name.size == 0 || !is_clean(&token->query_value, 0x20)))
        return false;
    if (token->generation < 0 || token->remaining_ms < -1 || token->expires_at_ms < -1)
        return false;
    /* A token with an expiry has both, one without has neither. */
    return (token->remaining_ms == -1) == (token->expires_at_ms == -1);
}

enum {
    ACCOUNT,
    TOKEN,
    GENERATION,
    HEADER,
    QUERY,
    SCOPES,
    ATTRIBUTES,
    PARTS,
    REQUIRED = HEADER + 1
};

static bool read_part(struct tb_json* json, const char* key, struct tb_token_text* token,
                      bool* seen, struct slot* plain, size_t plain_count) {
    static const char* const names[PARTS] = {
        [HEADER] = "header", [QUERY] = "query", [SCOPES] = "scopes", [ATTRIBUTES] = "attributes"};
    for (size_t i = 0; i < plain_count; ++i)
        if (strcmp(key, plain[i].name) == 0) return read_value(json, &plain[i], NULL);
    for (int part = HEADER; part < PARTS; ++part) {
        if (strcmp(key, names[part]) != 0) continue;
        if (seen[part]) return false;
        if (tb_json_null(json)) return true;
        seen[part] = true;
        if (part == HEADER) return read_pair(json, &token->header_name, &token->header_value);
        if (part == QUERY) return read_pair(json, &token->query_name, &token->query_value);
        return part == SCOPES ? read_scopes(json, token) : read_attributes(json, token);
    }
    return tb_json_skip(json);
}

static bool read_token(struct tb_json* json, struct tb_reply* reply) {
    struct tb_token_text* const token = &reply->token;
    struct slot plain[] = {
        {"account", TEXT, &token->account, false},
        {"token", TEXT, &token->token, false},
        {"generation", INTEGER, &token->generation, false},
        {"expires_at_ms", INTEGER, &token->expires_at_ms, false},
        {"remaining_ms", INTEGER, &token->remaining_ms, false},
    };
    bool seen[PARTS] = {false};
    struct tb_text key;
    bool first = true;
    int more = -1;
    if (!tb_json_open(json, '{')) return false;
    while ((more = tb_json_member(json, &key, &first)) == 1)
        if (!read_part(json, key.data, token, seen, plain, sizeof plain / sizeof plain[0]))
            return false;
    for (int i = ACCOUNT; i <= GENERATION; ++i)
        if (!plain[i].seen) return false;
    reply->has_token = more == 0 && seen[HEADER] && is_usable(token);
    return reply->has_token;
}

static bool read_parameters(struct tb_json* json, struct tb_reply* reply) {
    struct slot slots[] = {
        {"token", OBJECT, NULL, false},
        {"account", TEXT, &reply->account, false},
        {"event", TEXT, &reply->event, false},
        {"reason", TEXT, &reply->reason, false},
        {"parameter", TEXT, &reply->parameter, false},
        {"retry_after_ms", INTEGER, &reply->retry_after_ms, false},
        {"longest_ms", INTEGER, &reply->longest_ms, false},
        {"renewal_started", BOOLEAN, &reply->renewal_started, false},
    };
    const size_t count = sizeof slots / sizeof slots[0];
    if (!read_slots(json, slots, count, reply)) return false;
    reply->has_renewal_started = slots[count - 1].seen;
    return reply->retry_after_ms >= 0 && reply->longest_ms >= 0;
}

bool tb_reply_read(char* frame, size_t size, struct tb_reply* reply) {
    struct tb_json json = {frame, frame + size, 0};
    struct tb_text key, name = {NULL, 0};
    bool first = true, parameters = false, continues = false;
    int more = -1;
    memset(reply, 0, sizeof *reply);
    reply->token.expires_at_ms = reply->token.remaining_ms = -1;
    if (!tb_json_open(&json, '{')) return false;
    while ((more = tb_json_member(&json, &key, &first)) == 1) {
        bool ok = false;
        if (strcmp(key.data, "parameters") == 0 && !parameters) {
            parameters = true;
            ok = tb_json_null(&json) || read_parameters(&json, reply);
        } else if (strcmp(key.data, "error") == 0 && name.data == NULL) {
            ok = tb_json_string(&json, &name) && name.size > 0;
        } else if (strcmp(key.data, "continues") == 0 && !continues) {
            continues = true;
            ok = tb_json_boolean(&json, &reply->continues);
        }
        if (!ok) return false;
    }
    if (more != 0 || !tb_json_end(&json)) return false;
    if (name.data != NULL) {
        reply->error = tb_error_of_name(name.data);
        reply->has_token = false;
        reply->continues = false; /* an error ends a call */
    }
    return true;
}
