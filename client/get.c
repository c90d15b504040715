/* tb_get and tb_report_rejected: one connection, one call, one answer, one deadline. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "client/block.h"
#include "client/line.h"

static const size_t buffer_bytes_first = 8 * 1024; /* the largest token known needs 6 KiB */

/* Until the socket is ready; TB_E_TIMED_OUT. */
static tb_error await(int fd, short events, int64_t until, tb_failure* failure) {
    for (;;) {
        const int64_t left = until - tb_now_ms();
        if (left <= 0)
            return tb_fail(failure, TB_E_TIMED_OUT,
                           "no answer in time: tokenbrokerd is busy or hangs");
        struct pollfd wait = {fd, events, 0};
        const int ready = poll(&wait, 1, (int)tb_nap_ms(left));
        if (ready > 0) return TB_OK;
        if (ready < 0 && errno != EINTR) return tb_fail_errno(failure, TB_E_SYSTEM, "poll", errno);
    }
}

static tb_error gone(tb_failure* failure) {
    return tb_fail(failure, TB_E_NO_DAEMON,
                   "tokenbrokerd closed the connection before it answered: did it stop?");
}

static tb_error send_call(int fd, const struct tb_call* call, int64_t until, tb_failure* failure) {
    size_t sent = 0;
    while (sent < call->size) {
        const ssize_t n =
            send(fd, call->text + sent, call->size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            sent += (size_t)n;
        } else if (errno == EAGAIN) {
            const tb_error error = await(fd, POLLOUT, until, failure);
            if (error != TB_OK) return error;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return gone(failure);
        } else if (errno != EINTR) {
            return tb_fail_errno(failure, TB_E_SYSTEM, "send", errno);
        }
    }
    return TB_OK;
}

/* Twice the room, up to that of the largest frame. */
static tb_error grow(struct tb_line* line, tb_failure* failure) {
    const size_t capacity = line->capacity == 0 ? buffer_bytes_first : line->capacity * 2;
    if (capacity > TB_FRAME_BYTES_MAX)
        return tb_fail(failure, TB_E_PROTOCOL, "the answer is larger than any can be");
    char* const buffer = malloc(capacity);
    if (buffer == NULL) return tb_fail(failure, TB_E_NO_MEMORY, NULL);
    if (line->used > 0) memcpy(buffer, line->buffer, line->used);
    if (line->buffer != NULL) explicit_bzero(line->buffer, line->used);
    free(line->buffer);
    line->buffer = buffer;
    line->capacity = capacity;
    return TB_OK;
}

static tb_error receive(struct tb_line* line, int64_t until, struct tb_reply* reply,
                        tb_failure* failure) {
    for (;;) {
        size_t size = 0;
        char* const frame = tb_line_frame(line, &size);
        if (frame != NULL) {
            if (!tb_reply_read(frame, size, reply) || reply->continues)
                return tb_fail(failure, TB_E_PROTOCOL, NULL);
            return reply->error == TB_OK ? TB_OK : tb_fail_reply(failure, reply);
        }
        if (line->used == line->capacity) {
            const tb_error error = grow(line, failure);
            if (error != TB_OK) return error;
        }
        const int filled = tb_line_fill(line);
        if (filled > 0) {
            /* An answer that trickles in is always ready: the deadline holds for it too. */
            if (tb_now_ms() >= until && memchr(line->buffer, '\0', line->used) == NULL)
                return await(line->fd, POLLIN, until, failure);
            continue;
        }
        if (filled < 0 && errno == 0) return gone(failure);
        if (filled < 0) return tb_fail_errno(failure, TB_E_SYSTEM, "recv", errno);
        const tb_error error = await(line->fd, POLLIN, until, failure);
        if (error != TB_OK) return error;
    }
}

static tb_error exchange(const struct tb_place* place, const struct tb_call* call, int64_t until,
                         struct tb_line* line, struct tb_reply* reply, tb_failure* failure) {
    if (call->full)
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "the request is larger than any may be");
    const char* const path = tb_place_path(place);
    line->fd = tb_line_connect(path, until - tb_now_ms());
    if (line->fd < 0) return tb_fail_connect(failure, path, -line->fd);
    tb_error error = send_call(line->fd, call, until, failure);
    if (error == TB_OK) error = receive(line, until, reply, failure);
    close(line->fd);
    return error;
}

static void let_go(struct tb_line* line, struct tb_call* call) {
    tb_line_clear(line);
    free(line->buffer);
    explicit_bzero(call->text, call->size);
}

/* The caller's wishes with the defaults filled in. */
static tb_error judge(const char* account, const tb_options* given, tb_options* options,
                      struct tb_place* place, tb_failure* failure) {
    static const tb_options none = TB_OPTIONS_INIT;
    if (!tb_is_account(account))
        return tb_fail(failure, TB_E_INVALID_ARGUMENT,
                       "an account is named \"client/name\", in 1 to 128 bytes without spaces");
    if (given == NULL) given = &none;
    if (given->struct_bytes < sizeof none)
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "tb_options: start with TB_OPTIONS_INIT");
    memcpy(options, given, sizeof *options);
    if (options->deadline_ms == 0) options->deadline_ms = TB_DEADLINE_MS_DEFAULT;
    if (options->deadline_ms < 0 || options->deadline_ms > TB_DEADLINE_MS_MAX)
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "deadline_ms is 1 to 300000");
    if (options->min_remaining_ms < 0)
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "min_remaining_ms is not negative");
    if (options->parameters_count > TB_PARAMETERS_MAX ||
        (options->parameters_count > 0 && options->parameters == NULL))
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "at most 8 parameters");
    for (size_t i = 0; i < options->parameters_count; ++i)
        if (options->parameters[i].name == NULL || options->parameters[i].value == NULL)
            return tb_fail(failure, TB_E_INVALID_ARGUMENT, "a parameter has a name and a value");
    return tb_place_find(place, options->socket, failure);
}

/* How long the daemon may wait for a renewal, so that its reason arrives before our time is up. */
static int64_t patience_of_daemon(int64_t deadline_ms) {
    const int64_t margin = deadline_ms / 4 < 250 ? deadline_ms / 4 : 250;
    return deadline_ms - margin;
}

/* The answer as the caller gets it. */
static tb_error hand_over(const struct tb_token_text* text, int64_t asked, tb_token** token,
                          tb_failure* failure) {
    const int64_t now = tb_now_ms();
    const int64_t age = tb_reply_age_ms(text, asked, now);
    if (text->remaining_ms >= 0 && text->remaining_ms <= age)
        return tb_fail(failure, TB_E_TIMED_OUT,
                       "the token expired before this process came to read it");
    struct tb_block* const block = malloc(tb_block_bytes(text));
    if (block == NULL) return tb_fail(failure, TB_E_NO_MEMORY, NULL);
    tb_block_pack(block, text, now - age);
    *token = (tb_token*)(uintptr_t)tb_block_bind(block);
    return tb_fail(failure, TB_OK, NULL);
}

tb_error tb_get(const char* account, const tb_options* given, tb_token** token,
                tb_failure* failure) {
    tb_options options;
    struct tb_place place;
    struct tb_call call;
    struct tb_reply reply;
    struct tb_line line = {-1, NULL, 0, 0, 0, 0};
    if (token == NULL) return tb_fail(failure, TB_E_INVALID_ARGUMENT, "token is NULL");
    *token = NULL;
    tb_error error = judge(account, given, &options, &place, failure);
    if (error != TB_OK) return error;
    tb_call_begin(&call, "GetToken");
    tb_call_text(&call, "account", account);
    if (options.min_remaining_ms > 0)
        tb_call_integer(&call, "min_remaining_ms", options.min_remaining_ms);
    tb_call_integer(&call, "timeout_ms", patience_of_daemon(options.deadline_ms));
    if (options.parameters_count > 0)
        tb_call_pairs(&call, "parameters", options.parameters, options.parameters_count);
    tb_call_end(&call, false);
    const int64_t asked = tb_now_ms();
    error = exchange(&place, &call, asked + options.deadline_ms, &line, &reply, failure);
    if (error == TB_OK && (!reply.has_token || reply.token.remaining_ms == 0 ||
                           strcmp(reply.token.account.data, account) != 0))
        error = tb_fail(failure, TB_E_PROTOCOL, "the answer has no usable token of this account");
    if (error == TB_OK) error = hand_over(&reply.token, asked, token, failure);
    let_go(&line, &call);
    return error;
}

void tb_token_free(tb_token* token) {
    if (token == NULL) return;
    struct tb_block* const block =
        (struct tb_block*)(void*)((char*)token - offsetof(struct tb_block, token));
    explicit_bzero(block, block->bytes);
    free(block);
}

int64_t tb_token_remaining_ms(const tb_token* token) {
    if (token->until_boot_ms < 0) return INT64_MAX;
    const int64_t left = token->until_boot_ms - tb_now_ms();
    return left > 0 ? left : 0;
}

tb_error tb_report_rejected(const char* account, int64_t generation, const tb_options* given,
                            int* renewal_started, tb_failure* failure) {
    tb_options options;
    struct tb_place place;
    struct tb_call call;
    struct tb_reply reply;
    struct tb_line line = {-1, NULL, 0, 0, 0, 0};
    if (renewal_started != NULL) *renewal_started = 0;
    tb_error error = judge(account, given, &options, &place, failure);
    if (error != TB_OK) return error;
    if (generation < 0)
        return tb_fail(failure, TB_E_INVALID_ARGUMENT, "generation: that of the token refused");
    tb_call_begin(&call, "ReportRejected");
    tb_call_text(&call, "account", account);
    tb_call_integer(&call, "generation", generation);
    if (options.parameters_count > 0)
        tb_call_pairs(&call, "parameters", options.parameters, options.parameters_count);
    tb_call_end(&call, false);
    error = exchange(&place, &call, tb_now_ms() + options.deadline_ms, &line, &reply, failure);
    if (error == TB_OK && !reply.has_renewal_started) error = tb_fail(failure, TB_E_PROTOCOL, NULL);
    if (error == TB_OK) {
        if (renewal_started != NULL) *renewal_started = reply.renewal_started;
        tb_fail(failure, TB_OK, NULL);
    }
    let_go(&line, &call);
    return error;
}
