/* See json.h. */
#include "client/json.h"

#include <string.h>

static void skip_space(struct tb_json* json) {
    while (json->at < json->end &&
           (*json->at == ' ' || *json->at == '\t' || *json->at == '\n' || *json->at == '\r'))
        ++json->at;
}

static bool take(struct tb_json* json, char wanted) {
    skip_space(json);
    if (json->at == json->end || *json->at != wanted) return false;
    ++json->at;
    return true;
}

static bool take_word(struct tb_json* json, const char* word) {
    const size_t size = strlen(word);
    skip_space(json);
    if ((size_t)(json->end - json->at) < size || memcmp(json->at, word, size) != 0) return false;
    json->at += size;
    return true;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The four digits of a \u escape; -1. */
static int32_t take_hex4(struct tb_json* json) {
    int32_t code = 0;
    if (json->end - json->at < 4) return -1;
    for (int i = 0; i < 4; ++i) {
        const int digit = hex_digit(*json->at++);
        if (digit < 0) return -1;
        code = code * 16 + digit;
    }
    return code;
}

static char* put_utf8(char* out, int32_t code) {
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xC0 | (code >> 6));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        *out++ = (char)(0xE0 | (code >> 12));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    } else {
        *out++ = (char)(0xF0 | (code >> 18));
        *out++ = (char)(0x80 | ((code >> 12) & 0x3F));
        *out++ = (char)(0x80 | ((code >> 6) & 0x3F));
        *out++ = (char)(0x80 | (code & 0x3F));
    }
    return out;
}

/* After the backslash. Writes at most as many bytes as it takes; NULL: no such escape. */
static char* take_escape(struct tb_json* json, char* out) {
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (json->at == json->end) return NULL;
    const char kind = *json->at++;
    const char* found = kind == '\0' ? NULL : strchr(from, kind);
    if (found != NULL) {
        *out = to[found - from];
        return out + 1;
    }
    if (kind != 'u') return NULL;
    int32_t code = take_hex4(json);
    if (code <= 0 || (code >= 0xDC00 && code <= 0xDFFF)) return NULL;
    if (code >= 0xD800 && code <= 0xDBFF) {
        if (json->end - json->at < 6 || json->at[0] != '\\' || json->at[1] != 'u') return NULL;
        json->at += 2;
        const int32_t low = take_hex4(json);
        if (low < 0xDC00 || low > 0xDFFF) return NULL;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return put_utf8(out, code);
}

/* Bytes of the UTF-8 character at `at`; 0: none (cut off, overlong, a surrogate, too large). */
static size_t utf8_bytes(const char* at, const char* end) {
    const unsigned char lead = (unsigned char)*at;
    const size_t size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (size == 1) return 1;
    if (lead < 0xC2 || lead > 0xF4 || (size_t)(end - at) < size) return 0;
    const unsigned char second = (unsigned char)at[1];
    if ((lead == 0xE0 && second < 0xA0) || (lead == 0xED && second > 0x9F) ||
        (lead == 0xF0 && second < 0x90) || (lead == 0xF4 && second > 0x8F))
        return 0;
    for (size_t i = 1; i < size; ++i)
        if (((unsigned char)at[i] & 0xC0) != 0x80) return 0;
    return size;
}

bool tb_json_string(struct tb_json* json, struct tb_text* text) {
    if (!take(json, '"')) return false;
    char* const start = json->at;
    char* out = start;
    while (json->at < json->end) {
        const unsigned char c = (unsigned char)*json->at;
        if (c == '"') {
            ++json->at;
            *out = '\0'; /* on the quote or before it */
            text->data = start;
            text->size = (size_t)(out - start);
            return true;
        }
        if (c < 0x20) return false;
        if (c == '\\') {
            ++json->at;
            out = take_escape(json, out);
            if (out == NULL) return false;
            continue;
        }
        const size_t size = utf8_bytes(json->at, json->end);
        if (size == 0) return false;
        for (size_t i = 0; i < size; ++i)
            *out++ = *json->at++;
    }
    return false;
}

/* Digits, at least one; their count. */
static size_t skip_digits(struct tb_json* json) {
    const char* const start = json->at;
    while (json->at < json->end && *json->at >= '0' && *json->at <= '9')
        ++json->at;
    return (size_t)(json->at - start);
}

static bool skip_number(struct tb_json* json) {
    skip_space(json);
    if (json->at < json->end && *json->at == '-') ++json->at;
    const char* const start = json->at;
    const size_t digits = skip_digits(json);
    if (digits == 0 || (digits > 1 && *start == '0')) return false;
    if (json->at < json->end && *json->at == '.') {
        ++json->at;
        if (skip_digits(json) == 0) return false;
    }
    if (json->at < json->end && (*json->at == 'e' || *json->at == 'E')) {
        ++json->at;
        if (json->at < json->end && (*json->at == '+' || *json->at == '-')) ++json->at;
        if (skip_digits(json) == 0) return false;
    }
    return true;
}

bool tb_json_integer(struct tb_json* json, int64_t* number) {
    skip_space(json);
    const char* at = json->at;
    if (!skip_number(json)) return false;
    const bool negative = *at == '-';
    uint64_t sum = 0;
    for (at += negative; at < json->at; ++at) {
        if (*at < '0' || *at > '9') return false; /* a fraction or an exponent */
        const uint64_t digit = (uint64_t)(*at - '0');
        if (sum > ((uint64_t)INT64_MAX - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    *number = negative ? -(int64_t)sum : (int64_t)sum;
    return true;
}

bool tb_json_boolean(struct tb_json* json, bool* flag) {
    *flag = take_word(json, "true");
    return *flag || take_word(json, "false");
}

bool tb_json_null(struct tb_json* json) {
    return take_word(json, "null");
}

bool tb_json_end(struct tb_json* json) {
    skip_space(json);
    return json->at == json->end;
}

bool tb_json_open(struct tb_json* json, char bracket) {
    if (json->depth >= TB_JSON_DEPTH_MAX || !take(json, bracket)) return false;
    ++json->depth;
    return true;
}

/* 1: another element comes; 0: closed; -1. */
static int next(struct tb_json* json, char closer, bool* first) {
    if (take(json, closer)) {
        --json->depth;
        return 0;
    }
    if (!*first && !take(json, ',')) return -1;
    *first = false;
    return 1;
}

int tb_json_member(struct tb_json* json, struct tb_text* key, bool* first) {
    const int more = next(json, '}', first);
    if (more != 1) return more;
    return tb_json_string(json, key) && take(json, ':') ? 1 : -1;
}

int tb_json_item(struct tb_json* json, bool* first) {
    return next(json, ']', first);
}

static bool skip_members(struct tb_json* json) {
    struct tb_text key;
    bool first = true;
    int more = -1;
    if (!tb_json_open(json, '{')) return false;
    while ((more = tb_json_member(json, &key, &first)) == 1)
        if (!tb_json_skip(json)) return false;
    return more == 0;
}

static bool skip_items(struct tb_json* json) {
    bool first = true;
    int more = -1;
    if (!tb_json_open(json, '[')) return false;
    while ((more = tb_json_item(json, &first)) == 1)
        if (!tb_json_skip(json)) return false;
    return more == 0;
}

/* Recursion is bounded by TB_JSON_DEPTH_MAX. */
bool tb_json_skip(struct tb_json* json) {
    struct tb_text text;
    bool flag;
    skip_space(json);
    if (json->at == json->end) return false;
    switch (*json->at) {
        case '{':
            return skip_members(json);
        case '[':
            return skip_items(json);
        case '"':
            return tb_json_string(json, &text);
        case 't':
        case 'f':
            return tb_json_boolean(json, &flag);
        case 'n':
            return tb_json_null(json);
        default:
            return skip_number(json);
    }
}
