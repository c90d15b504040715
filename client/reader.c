/* Readers: see shared.h for how a token gets here. What must stay true: no lock, no allocation and
 * no system call in tb_read, whatever the thread or other readers do at the time. */
#include <errno.h>
#include <string.h>

#include "client/shared.h"

/* The slot's words into the reader's copy; their number. Words of two tokens may be mixed. */
static size_t copy_words(struct tb_reader* reader, const struct tb_slot* slot) {
    size_t bytes = atomic_load_explicit(&slot->words[0], memory_order_acquire);
    if (bytes > sizeof reader->copy) bytes = sizeof reader->copy;
    for (size_t i = 0; i < bytes / 8; ++i) {
        const uint64_t word = atomic_load_explicit(&slot->words[i], memory_order_acquire);
        memcpy(reader->copy + i * 8, &word, 8);
    }
    return bytes;
}

static struct tb_block* block_of(struct tb_reader* reader) {
    return (struct tb_block*)(void*)reader->copy;
}

static void wipe_copy(struct tb_reader* reader) {
    if (reader->token != NULL) explicit_bzero(reader->copy, block_of(reader)->bytes);
    reader->token = NULL;
}

/* Each further round means that the thread has published once more in the microsecond since. */
__attribute__((noinline, cold)) static const tb_token* refresh(struct tb_reader* reader) {
    const struct tb_shared* const shared = reader->watch->shared;
    wipe_copy(reader);
    for (;;) {
        const uint64_t version = atomic_load_explicit(reader->version, memory_order_acquire);
        reader->seen = version;
        if ((version & TB_USABLE) == 0) return NULL;
        const size_t bytes = copy_words(reader, &shared->slots[tb_slot_of(version)]);
        if (atomic_load_explicit(reader->version, memory_order_acquire) == version) {
            reader->token = tb_block_bind(block_of(reader));
            return reader->token;
        }
        explicit_bzero(reader->copy, bytes);
    }
}

const tb_token* tb_read(tb_reader* reader) {
    const uint64_t version = atomic_load_explicit(reader->version, memory_order_acquire);
    if (__builtin_expect(version == reader->seen, 1)) return reader->token;
    return refresh(reader);
}

tb_error tb_reader_open(tb_watch* watch, tb_reader** into) {
    if (into == NULL) return TB_E_INVALID_ARGUMENT;
    *into = NULL;
    if (watch == NULL) return TB_E_INVALID_ARGUMENT;
    struct tb_reader* const reader = tb_pages(sizeof *reader, false);
    if (reader == NULL) return TB_E_NO_MEMORY;
    reader->watch = watch;
    reader->version = &watch->shared->version;
    reader->seen = UINT64_MAX; /* no version is: the first read looks */
    atomic_fetch_add_explicit(&watch->holders, 1, memory_order_relaxed);
    *into = reader;
    return TB_OK;
}

void tb_reader_close(tb_reader* reader) {
    if (reader == NULL) return;
    struct tb_watch* const watch = reader->watch;
    wipe_copy(reader);
    tb_pages_free(reader, sizeof *reader);
    tb_watch_drop(watch);
}
