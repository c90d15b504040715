/* The thread of a watch: connects, asks for WatchTokens, publishes what comes, connects again. What
 * must stay true: it waits in poll alone, so that a token is withdrawn in time and tb_watch_close
 * never waits; and a lost connection by itself takes nothing from the readers. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/line.h"
#include "client/shared.h"

/* Between tries to connect: half of it and up to all of it, doubled each time. A daemon that was
 * restarted is found soon; one that answered with an error is left alone longer. */
enum { PAUSE_FIRST_MS = 50, PAUSE_MAX_MS = 2000, PAUSE_ANSWERED_FIRST_MS = 1000 };
enum { PAUSE_ANSWERED_MAX_MS = 30000, RETRY_AFTER_MAX_MS = 300000 };
/* A token is withdrawn this much before it expires: the thread may wake up late. */
enum { EARLY_MS = 50 };
/* An event that was written longer ago than this lay unread, or the wall clock was stepped. */
enum { OLD_MS = 2000 };

struct loop {
    struct tb_watch* watch;
    struct tb_shared* shared;
    struct tb_line line;
    int64_t expires_at; /* on CLOCK_BOOTTIME; INT64_MAX: never, or nothing in hand */
    int64_t asked_at;   /* when the call was sent on this connection */
    int64_t retry_at;   /* while there is no connection */
    int64_t pause_ms;   /* the last one; 0: all was well */
    uint64_t random;
};

static uint64_t next_random(struct loop* loop) {
    loop->random ^= loop->random << 13;
    loop->random ^= loop->random >> 7;
    loop->random ^= loop->random << 17;
    return loop->random;
}

static void plan_retry(struct loop* loop, int64_t first_ms, int64_t max_ms, int64_t floor_ms) {
    int64_t pause = loop->pause_ms * 2;
    if (pause < first_ms) pause = first_ms;
    if (pause > max_ms) pause = max_ms;
    loop->pause_ms = pause;
    if (floor_ms > RETRY_AFTER_MAX_MS) floor_ms = RETRY_AFTER_MAX_MS;
    pause = pause / 2 + (int64_t)(next_random(loop) % (uint64_t)(pause / 2 + 1));
    loop->retry_at = tb_now_ms() + floor_ms + pause;
}

static void hang_up(struct loop* loop) {
    atomic_store(&loop->watch->socket_fd, -1); /* first: see tb_watch */
    if (loop->line.fd >= 0) close(loop->line.fd);
    loop->line.fd = -1;
    tb_line_clear(&loop->line);
}

/* The connection is lost, or there was none: soon again. */
static void lost(struct loop* loop, tb_error error, const tb_failure* failure) {
    hang_up(loop);
    tb_tell(loop->watch, error, failure);
    plan_retry(loop, PAUSE_FIRST_MS, PAUSE_MAX_MS, 0);
}

/* The daemon said no: later again. */
static void refused(struct loop* loop, tb_error error, const tb_failure* failure) {
    hang_up(loop);
    tb_tell(loop->watch, error, failure);
    plan_retry(loop, PAUSE_ANSWERED_FIRST_MS, PAUSE_ANSWERED_MAX_MS, failure->retry_after_ms);
}

/* What came was old. The answer to a new call is not, and replaces whatever else lies unread. */
static void ask_again(struct loop* loop) {
    hang_up(loop);
    plan_retry(loop, PAUSE_FIRST_MS, PAUSE_ANSWERED_MAX_MS, 0);
}

static void withdraw(struct loop* loop) {
    loop->expires_at = INT64_MAX;
    tb_withdraw(loop->watch);
}

static void expire(struct loop* loop) {
    tb_failure failure;
    withdraw(loop);
    if (loop->shared->status != TB_OK) return; /* says why already; only this thread writes it */
    tb_fail(&failure, TB_E_NOT_YET,
            "the token has expired and tokenbrokerd has sent no new one yet");
    tb_tell(loop->watch, TB_E_NOT_YET, &failure);
}

static void try_connect(struct loop* loop) {
    tb_failure failure;
    struct tb_call call;
    const char* const path = tb_place_path(&loop->watch->place);
    const int fd = tb_line_connect(path, 0);
    if (fd < 0) {
        const tb_error error = tb_fail_connect(&failure, path, -fd);
        lost(loop, error, &failure);
        return;
    }
    loop->line.fd = fd;
    struct stat its;
    if (fstat(fd, &its) == 0) { /* else a child leaves it alone */
        loop->watch->socket_device = its.st_dev;
        loop->watch->socket_inode = its.st_ino;
    }
    atomic_store(&loop->watch->socket_fd, fd);
    tb_call_begin(&call, "WatchTokens");
    tb_call_list(&call, "accounts", loop->watch->account);
    tb_call_end(&call, true);
    loop->asked_at = tb_now_ms();
    /* Some hundred bytes into the empty buffer of a new socket. */
    if (send(fd, call.text, call.size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)call.size) {
        const tb_error error = tb_fail(&failure, TB_E_NO_DAEMON, NULL);
        lost(loop, error, &failure);
    }
}

static tb_error status_of_event(const char* event, bool has_token) {
    static const struct {
        const char* event;
        tb_error status;
    } rows[] = {
        {"expiring_unrenewed", TB_E_PROVIDER_UNAVAILABLE},
        {"login_required", TB_E_LOGIN_REQUIRED},
        {"misconfigured", TB_E_MISCONFIGURED},
        {"paused", TB_E_ACCOUNT_PAUSED},
        {"removed", TB_E_UNKNOWN_ACCOUNT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
        if (strcmp(rows[i].event, event) == 0) return rows[i].status;
    return has_token ? TB_OK : TB_E_NOT_YET; /* new_token, recovered, or a newer daemon's */
}

/* False: it is old. What is certain to be left of it is published in any case; but if it is the
 * wall clock that was stepped there is more, so it pays to ask. */
static bool take_token(struct loop* loop, const struct tb_token_text* token) {
    const int64_t now = tb_now_ms();
    const bool endless = token->remaining_ms < 0;
    const int64_t age = tb_reply_age_ms(token, loop->asked_at, now);
    if (endless || token->remaining_ms - age > EARLY_MS) { /* else its successor is on the way */
        struct tb_block* const block = (struct tb_block*)(void*)loop->shared->packed;
        tb_block_pack(block, token, now - age);
        loop->expires_at = endless ? INT64_MAX : block->token.until_boot_ms - EARLY_MS;
        tb_publish(loop->watch);
    }
    return age <= OLD_MS;
}

static void take_event(struct loop* loop, const struct tb_reply* reply) {
    tb_failure failure;
    bool fresh = true;
    const tb_error status = status_of_event(reply->event.data, reply->has_token);
    if (status == TB_E_ACCOUNT_PAUSED || status == TB_E_UNKNOWN_ACCOUNT)
        withdraw(loop); /* by an operator */
    else if (reply->has_token)
        fresh = take_token(loop, &reply->token);
    tb_fail_text(&failure, status, &reply->reason);
    if (status == TB_E_UNKNOWN_ACCOUNT) { /* nothing more comes on this connection */
        refused(loop, status, &failure);
        return;
    }
    tb_tell(loop->watch, status, &failure);
    if (fresh)
        loop->pause_ms = 0;
    else
        ask_again(loop);
}

/* An answer with a token of another account is none of ours, whatever else it says. */
static bool is_for_us(const struct loop* loop, const struct tb_reply* reply) {
    const char* const account = loop->watch->account;
    if (reply->account.data == NULL || reply->event.data == NULL) return false;
    if (strcmp(reply->account.data, account) != 0) return false;
    return !reply->has_token || strcmp(reply->token.account.data, account) == 0;
}

static void take_frame(struct loop* loop, char* frame, size_t size) {
    tb_failure failure;
    struct tb_reply* const reply = &loop->shared->reply;
    if (!tb_reply_read(frame, size, reply) || (reply->error == TB_OK && !is_for_us(loop, reply))) {
        const tb_error error = tb_fail(&failure, TB_E_PROTOCOL, NULL);
        refused(loop, error, &failure);
    } else if (reply->error != TB_OK) {
        const tb_error error = tb_fail_reply(&failure, reply);
        if (error == TB_E_UNKNOWN_ACCOUNT) withdraw(loop); /* it was ours, and is no longer */
        if (error == TB_E_PROVIDER_UNAVAILABLE) /* what a daemon that stops says to watchers */
            lost(loop, error, &failure);
        else
            refused(loop, error, &failure);
    } else {
        take_event(loop, reply);
        if (!reply->continues && loop->line.fd >= 0) {
            tb_fail(&failure, TB_E_NO_DAEMON, "tokenbrokerd ended the watch");
            lost(loop, TB_E_NO_DAEMON, &failure);
        }
    }
}

static void receive(struct loop* loop) {
    tb_failure failure;
    size_t size = 0;
    const int filled = tb_line_fill(&loop->line);
    if (filled < 0) {
        const int error = errno;
        if (error == EMSGSIZE) {
            tb_fail(&failure, TB_E_PROTOCOL, "the answer is larger than any can be");
            refused(loop, TB_E_PROTOCOL, &failure);
        } else {
            tb_fail(&failure, TB_E_NO_DAEMON, "tokenbrokerd closed the connection");
            lost(loop, TB_E_NO_DAEMON, &failure);
        }
        return;
    }
    while (loop->line.fd >= 0) {
        char* const frame = tb_line_frame(&loop->line, &size);
        if (frame == NULL) break;
        take_frame(loop, frame, size);
    }
}

/* Until something comes, or until it is time for what is due first. */
static void wait_for_something(struct loop* loop) {
    const int64_t due =
        loop->line.fd < 0 && loop->retry_at < loop->expires_at ? loop->retry_at : loop->expires_at;
    const int timer = atomic_load_explicit(&loop->watch->timer_fd, memory_order_relaxed);
    tb_timer_set(loop->watch, timer, due);
    if (atomic_load(&loop->shared->stop)) return; /* tb_watch_close may have set it before us */
    struct pollfd waits[2] = {{timer, POLLIN, 0},
                              {loop->line.fd, POLLIN, 0}}; /* poll passes over -1 */
    if (poll(waits, 2, -1) <= 0) return;
    if (waits[1].revents != 0) receive(loop);
}

void* tb_watch_run(void* argument) {
    struct tb_watch* const watch = argument;
    struct loop loop = {watch,
                        watch->shared,
                        {-1, watch->shared->frame, TB_FRAME_BYTES_MAX, 0, 0, 0},
                        INT64_MAX,
                        0,
                        0,
                        0,
                        0};
    loop.random =
        (uint64_t)tb_now_ms() * 0x9E3779B97F4A7C15u ^ (uintptr_t)watch ^ (uint64_t)getpid() << 32;
    loop.random |= 1;
    pthread_setname_np(pthread_self(), "tokenbroker");
    while (!atomic_load(&loop.shared->stop)) {
        const int64_t now = tb_now_ms();
        if (now >= loop.expires_at) expire(&loop);
        if (loop.line.fd < 0 && now >= loop.retry_at) try_connect(&loop);
        wait_for_something(&loop);
    }
    hang_up(&loop);
    withdraw(&loop);
    return NULL;
}
