/* The life of a watch: open, wait, status, close; and its second life in a child process. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client/shared.h"

/* Frames are parsed in the shared pages, so the thread needs little. */
static const size_t stack_bytes = 256 * 1024;

void tb_timer_set(const struct tb_watch* watch, int timer_fd, int64_t at_ms) {
    struct itimerspec at;
    memset(&at, 0, sizeof at);
    at.it_interval = watch->timer_mark;
    if (at_ms != INT64_MAX) {
        if (at_ms <= 0) at_ms = 1; /* 0 would disarm it */
        at.it_value.tv_sec = (time_t)(at_ms / 1000);
        at.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000;
    }
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* With an interval that no other timer has: at least 34 years, so it never comes to it. */
static int open_timer(struct tb_watch* watch) {
    const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0) return fd;
    const uintptr_t address = (uintptr_t)watch >> 4;
    clock_gettime(CLOCK_BOOTTIME, &watch->timer_mark);
    watch->timer_mark.tv_sec = (time_t)(1 << 30 | (address & ((1 << 30) - 1)));
    tb_timer_set(watch, fd, INT64_MAX);
    return fd;
}

static void close_timer(struct tb_watch* watch) {
    const struct timespec* const mark = &watch->timer_mark;
    const int fd = atomic_exchange(&watch->timer_fd, -1);
    struct itimerspec its;
    if (fd >= 0 && timerfd_gettime(fd, &its) == 0 && its.it_interval.tv_sec == mark->tv_sec &&
        its.it_interval.tv_nsec == mark->tv_nsec)
        close(fd);
}

static void close_socket(struct tb_watch* watch) {
    const int fd = atomic_exchange(&watch->socket_fd, -1);
    struct stat its;
    if (fd >= 0 && fstat(fd, &its) == 0 && its.st_dev == watch->socket_device &&
        its.st_ino == watch->socket_inode)
        close(fd);
}

static void close_fds(struct tb_watch* watch) {
    close_socket(watch);
    close_timer(watch);
}

static int start_thread(struct tb_watch* watch) {
    pthread_attr_t attributes;
    sigset_t all, before;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return error;
    pthread_attr_setstacksize(&attributes, stack_bytes);
    sigfillset(&all); /* the application's handlers run on its own threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&watch->thread, &attributes, tb_watch_run, watch);
    if (error == EINVAL) /* a program with much thread-local data needs a larger stack */
        error = pthread_create(&watch->thread, NULL, tb_watch_run, watch);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error;
}

/* In pages of zeros, in a new watch as in a child. */
static tb_error start(struct tb_watch* watch, tb_failure* failure) {
    struct tb_shared* const shared = watch->shared;
    pthread_condattr_t attributes;
    close_fds(watch); /* the parent's, in a child */
    atomic_store(&watch->timer_fd, open_timer(watch));
    if (atomic_load(&watch->timer_fd) < 0)
        return tb_fail_errno(failure, TB_E_SYSTEM, "no descriptor for the watch", errno);
    pthread_mutex_init(&shared->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&shared->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    shared->status = TB_E_NOT_YET;
    tb_fail(&shared->failure, TB_E_NOT_YET, NULL);
    const uint64_t count = atomic_fetch_add(&watch->count, 2) + 2;
    atomic_store(&shared->version, count << 2);
    const int error = start_thread(watch);
    if (error != 0) {
        close_fds(watch);
        return tb_fail_errno(failure, TB_E_SYSTEM, "no thread for the watch", error);
    }
    return TB_OK;
}

/* Starts what is not there yet: TB_OK when the watch lives. Of several threads of a child one does
 * it, and the others wait for it. */
static tb_error revive(struct tb_watch* watch, tb_failure* failure) {
    struct tb_shared* const shared = watch->shared;
    for (;;) {
        uint32_t life = atomic_load(&shared->life);
        if (life == TB_ALIVE) return TB_OK;
        if (life == TB_CLOSED) return tb_fail(failure, TB_E_CLOSED, NULL);
        if (life == TB_STARTING) {
            sched_yield();
            continue;
        }
        if (!atomic_compare_exchange_strong(&shared->life, &life, TB_STARTING)) continue;
        const tb_error error = start(watch, failure);
        atomic_store(&shared->life, error == TB_OK ? TB_ALIVE : TB_WIPED);
        return error;
    }
}

tb_error tb_watch_open(const char* account, const char* socket, tb_watch** into,
                       tb_failure* failure) {
    if (into == NULL) return tb_fail(failure, TB_E_INVALID_ARGUMENT, "watch is NULL");
    *into = NULL;
    if (!tb_is_account(account))
        return tb_fail(failure, TB_E_INVALID_ARGUMENT,
                       "an account is named \"client/name\", in 1 to 128 bytes without spaces");
    struct tb_watch* const watch = calloc(1, sizeof *watch);
    if (watch == NULL) return tb_fail(failure, TB_E_NO_MEMORY, NULL);
    strncpy(watch->account_text, account, sizeof watch->account_text - 1);
    watch->account = watch->account_text;
    atomic_store(&watch->holders, 1);
    atomic_store(&watch->socket_fd, -1);
    atomic_store(&watch->timer_fd, -1);
    tb_error error = tb_place_find(&watch->place, socket, failure);
    if (error == TB_OK) {
        watch->shared = tb_pages(sizeof *watch->shared, true);
        if (watch->shared == NULL)
            error = tb_fail_errno(failure, errno == ENOMEM ? TB_E_NO_MEMORY : TB_E_SYSTEM,
                                  "no memory that a child process would find wiped", errno);
    }
    if (error == TB_OK) error = revive(watch, failure);
    if (error != TB_OK) {
        if (watch->shared != NULL) tb_pages_free(watch->shared, sizeof *watch->shared);
        free(watch);
        return error;
    }
    *into = watch;
    return tb_fail(failure, TB_OK, NULL);
}

/* Nothing but somebody's deed will bring a token. */
static bool is_final(tb_error status) {
    return status >= TB_E_UNKNOWN_ACCOUNT && status <= TB_E_MISCONFIGURED;
}

static bool is_usable(const struct tb_shared* shared) {
    return (atomic_load_explicit(&shared->version, memory_order_acquire) & TB_USABLE) != 0;
}

tb_error tb_watch_wait(tb_watch* watch, int64_t timeout_ms, tb_failure* failure) {
    if (watch == NULL || timeout_ms < 0 || timeout_ms > TB_DEADLINE_MS_MAX)
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "timeout_ms is 0 to 300000");
    tb_error error = revive(watch, failure);
    if (error != TB_OK) return error;
    struct tb_shared* const shared = watch->shared;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(timeout_ms / 1000);
    until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        ++until.tv_sec;
    }
    pthread_mutex_lock(&shared->lock);
    int waited = 0;
    while (!is_usable(shared) && !is_final(shared->status) && waited == 0)
        waited = pthread_cond_timedwait(&shared->changed, &shared->lock, &until);
    const bool usable = is_usable(shared);
    error = usable ? TB_OK : shared->status;
    if (error == TB_OK && !usable) error = TB_E_NOT_YET; /* it expires just now */
    if (error == TB_OK || shared->status == TB_OK)
        tb_fail(failure, error, NULL);
    else if (failure != NULL)
        *failure = shared->failure;
    pthread_mutex_unlock(&shared->lock);
    return error;
}

tb_error tb_watch_status(tb_watch* watch, tb_failure* failure) {
    if (watch == NULL) return tb_fail(failure, TB_E_INVALID_ARGUMENT, "watch is NULL");
    struct tb_shared* const shared = watch->shared;
    const uint32_t life = atomic_load(&shared->life);
    if (life == TB_CLOSED) return tb_fail(failure, TB_E_CLOSED, NULL);
    if (life != TB_ALIVE) return tb_fail(failure, TB_E_FORKED, NULL);
    pthread_mutex_lock(&shared->lock);
    const tb_error status = shared->status;
    if (failure != NULL) *failure = shared->failure;
    pthread_mutex_unlock(&shared->lock);
    return status;
}

void tb_watch_close(tb_watch* watch) {
    if (watch == NULL) return;
    struct tb_shared* const shared = watch->shared;
    if (atomic_load(&shared->life) == TB_ALIVE) { /* else it is the parent's thread */
        atomic_store(&shared->stop, true); /* first: the thread looks after it has set the timer */
        tb_timer_set(watch, atomic_load(&watch->timer_fd), 0);
        pthread_join(watch->thread, NULL);
        pthread_cond_destroy(&shared->changed);
        pthread_mutex_destroy(&shared->lock);
    }
    atomic_store(&shared->life, TB_CLOSED);
    close_fds(watch);
    tb_watch_drop(watch);
}
