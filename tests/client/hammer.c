/* See hammer.h. In C, as client/shared.h is. */
#include "tests/client/hammer.h"

#include <stdlib.h>

#include "client/shared.h"

struct tb_watch* hammer_open(void) {
    struct tb_watch* const watch = calloc(1, sizeof *watch);
    watch->shared = tb_pages(sizeof *watch->shared, true);
    if (watch->shared == NULL) abort();
    atomic_store(&watch->holders, 1);
    return watch;
}

void hammer_publish(struct tb_watch* watch, const struct tb_token_text* text) {
    tb_block_pack((struct tb_block*)(void*)watch->shared->packed, text, 1);
    tb_publish(watch);
}

void hammer_withdraw(struct tb_watch* watch) {
    tb_withdraw(watch);
}

void hammer_close(struct tb_watch* watch) {
    tb_watch_drop(watch);
}
