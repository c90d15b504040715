/* What a watch's thread and its readers share, and how a token gets from the one to the others.
 *
 * Two slots hold a token each as words that are atomic one by one; the version says which slot is
 * the current one and whether it is usable. The thread writes only into the slot that is not
 * current, then changes the version. A reader that saw another version than last time copies the
 * current slot's words and takes the copy only if the version is still the same. So nobody waits
 * for anybody, and a reader for which nothing has changed does one load and one comparison. Words
 * are stored with release and loaded with acquire: a reader that sees a word of a later token also
 * sees the version that came before that word, and begins again. (No fences: TSan knows none.)
 *
 * All of it lies in pages that the kernel gives to a child process full of zeros (MADV_WIPEONFORK):
 * there the version is 0, which is "nothing usable", and `life` is tb_wiped. So a child sees,
 * without a system call, that nobody keeps its token current; and it inherits no token and no held
 * lock. */
#ifndef TB_CLIENT_SHARED_H
#define TB_CLIENT_SHARED_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "client/block.h"
#include "client/inside.h"

enum { TB_SLOT_WORDS = (TB_BLOCK_BYTES_MAX + 7) / 8 };

enum tb_life { TB_WIPED = 0, TB_STARTING, TB_ALIVE, TB_CLOSED };

struct tb_slot {
    _Atomic uint64_t words[TB_SLOT_WORDS]; /* a tb_block; its first word is its size in bytes */
};

struct tb_shared {
    /* A line of its own: readers on every core hold it, and it changes only with the token. */
    _Alignas(64) _Atomic uint64_t version; /* count << 2 | slot << 1 | usable; 0 in a child */
    _Alignas(64) _Atomic uint32_t life;    /* enum tb_life */
    _Atomic bool stop;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    tb_error status;
    tb_failure failure;
    /* The thread's own. Untouched pages of it cost nothing. */
    _Alignas(64) struct tb_slot slots[2];
    uint64_t packed[TB_SLOT_WORDS];
    struct tb_reply reply;
    char frame[TB_FRAME_BYTES_MAX];
};

struct tb_watch {
    struct tb_shared* shared;
    const char* account;
    struct tb_place place;
    pthread_t thread;
    _Atomic uint64_t count;   /* of versions, kept over a fork: no version comes twice */
    _Atomic unsigned holders; /* the watch itself and each reader: the last one frees */
    /* Its descriptors, or -1. In a child: copies, to be closed and not to be used; but a child may
     * have closed them itself and have files of its own under these numbers. So what tells that one
     * is still ours is stored before the descriptor, and -1 before it is closed. */
    _Atomic int socket_fd, timer_fd;
    dev_t socket_device; /* no other socket has these two */
    ino_t socket_inode;
    struct timespec timer_mark; /* the timer's interval: all timers have one inode in common */
    char account_text[TB_ACCOUNT_BYTES_MAX + 1];
};

struct tb_reader {
    const _Atomic uint64_t* version;
    uint64_t seen; /* the version that `token` is of */
    const tb_token* token;
    struct tb_watch* watch;
    _Alignas(8) unsigned char copy[TB_SLOT_WORDS * 8];
};

#define TB_USABLE ((uint64_t)1)
static inline unsigned tb_slot_of(uint64_t version) {
    return (unsigned)(version >> 1) & 1u;
}

/* Pages of zeros that are in no core dump; with FORGET they are wiped in a child. NULL, errno. */
void* tb_pages(size_t bytes, bool forget);
void tb_pages_free(void* pages, size_t bytes);
/* One holder less; the last one frees. */
void tb_watch_drop(struct tb_watch* watch);

/* Of the thread alone. `packed` becomes the current token; there is none that is usable. */
void tb_publish(struct tb_watch* watch);
void tb_withdraw(struct tb_watch* watch);
/* A status for people and for those who wait. */
void tb_tell(struct tb_watch* watch, tb_error status, const tb_failure* failure);

/* When the thread wakes up, on CLOCK_BOOTTIME; INT64_MAX: the timer alone wakes it not. */
void tb_timer_set(const struct tb_watch* watch, int timer_fd, int64_t at_ms);

/* The thread's function; its argument is the tb_watch. */
void* tb_watch_run(void* watch);

#endif
