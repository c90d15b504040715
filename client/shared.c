/* See shared.h: the writer's side of it, and the pages that it lies in. */
#include "client/shared.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void* tb_pages(size_t bytes, bool forget) {
    void* const pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (pages == MAP_FAILED) return NULL;
    madvise(pages, bytes, MADV_DONTDUMP);
    if (forget && madvise(pages, bytes, MADV_WIPEONFORK) != 0) {
        const int error = errno;
        munmap(pages, bytes);
        errno = error;
        return NULL;
    }
    return pages;
}

void tb_pages_free(void* pages, size_t bytes) {
    munmap(pages, bytes);
}

void tb_watch_drop(struct tb_watch* watch) {
    if (atomic_fetch_sub_explicit(&watch->holders, 1, memory_order_acq_rel) != 1) return;
    tb_pages_free(watch->shared, sizeof *watch->shared);
    free(watch);
}

static void wipe_slot(struct tb_slot* slot) {
    const size_t bytes = atomic_load_explicit(&slot->words[0], memory_order_relaxed);
    for (size_t i = 0; i < bytes / 8; ++i)
        atomic_store_explicit(&slot->words[i], 0, memory_order_release);
}

static void set_version(struct tb_watch* watch, uint64_t slot, uint64_t usable) {
    const uint64_t count = atomic_fetch_add_explicit(&watch->count, 1, memory_order_relaxed) + 1;
    atomic_store_explicit(&watch->shared->version, count << 2 | slot << 1 | usable,
                          memory_order_release);
}

void tb_publish(struct tb_watch* watch) {
    struct tb_shared* const shared = watch->shared;
    const unsigned old = tb_slot_of(atomic_load_explicit(&shared->version, memory_order_relaxed));
    struct tb_slot* const slot = &shared->slots[1 - old];
    const size_t bytes = shared->packed[0];
    for (size_t i = 0; i < bytes / 8; ++i)
        atomic_store_explicit(&slot->words[i], shared->packed[i], memory_order_release);
    set_version(watch, 1 - old, TB_USABLE);
    wipe_slot(&shared->slots[old]);
    explicit_bzero(shared->packed, bytes);
}

void tb_withdraw(struct tb_watch* watch) {
    struct tb_shared* const shared = watch->shared;
    const uint64_t version = atomic_load_explicit(&shared->version, memory_order_relaxed);
    if ((version & TB_USABLE) == 0) return;
    set_version(watch, tb_slot_of(version), 0);
    wipe_slot(&shared->slots[tb_slot_of(version)]);
}

void tb_tell(struct tb_watch* watch, tb_error status, const tb_failure* failure) {
    struct tb_shared* const shared = watch->shared;
    pthread_mutex_lock(&shared->lock);
    shared->status = status;
    if (failure != NULL)
        shared->failure = *failure;
    else
        tb_fail(&shared->failure, status, NULL);
    pthread_cond_broadcast(&shared->changed);
    pthread_mutex_unlock(&shared->lock);
}
