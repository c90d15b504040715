/* A strict JSON reader that works in place: a string is decoded where it stands, ends with a NUL
 * there, and is never copied. What must stay true: no byte outside [at, end] is touched, nesting is
 * bounded, and what it takes is JSON in UTF-8 (RFC 8259) without NUL characters. */
#ifndef TB_CLIENT_JSON_H
#define TB_CLIENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TB_JSON_DEPTH_MAX = 16 }; /* a token's reply has 5 levels */

struct tb_text {
    char* data; /* NULL: absent */
    size_t size;
};

struct tb_json {
    char* at;
    char* end;
    int depth;
};

/* Each gives false (or -1) on the first byte that doesn't fit; the reader is of no use then. */
bool tb_json_string(struct tb_json* json, struct tb_text* text);
bool tb_json_integer(struct tb_json* json, int64_t* number);
bool tb_json_boolean(struct tb_json* json, bool* flag);
bool tb_json_skip(struct tb_json* json);
bool tb_json_null(struct tb_json* json); /* false, nothing taken: something else comes */
bool tb_json_end(struct tb_json* json);  /* only white space is left */

/* Into an object ('{') or a list ('['); then tb_json_member or tb_json_item until they give 0:
 * 1 is one more, whose value comes next. *FIRST starts as true. */
bool tb_json_open(struct tb_json* json, char bracket);
int tb_json_member(struct tb_json* json, struct tb_text* key, bool* first);
int tb_json_item(struct tb_json* json, bool* first);

#endif
