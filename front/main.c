/* `tokenbroker get`, in a program that starts as fast as `true`; everything else is the full
 * command's (cli/), which this one becomes by exec. A token that is at hand is asked for, printed,
 * done. Whatever else the daemon says, the connection is handed on with the answer unread in it, so
 * that nothing is asked twice and every message has one author. What must stay true: each way out
 * of here other than a printed token ends in the full command. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/line.h"
#include "front/wish.h"

/* A token at hand comes in well under a millisecond, one that is being renewed in tens: the full
 * command can wait for that one. */
enum { PATIENCE_MS = 20, CONNECT_MS = 5000 };

/* limits::frame_bytes_max; a longer answer is the full command's. Only what was used is wiped: all
 * of it would be 16 page faults. */
static char frame[64 * 1024];
static size_t frame_used;

/* CONNECTION: -1, or where the call was sent and its answer waits. */
static int become_full(char* const* argv, int connection) {
    size_t count = 0;
    while (argv[count] != NULL)
        ++count;
    char** const words = calloc(count + 3, sizeof *words);
    char option[40], beside[4096];
    if (words == NULL) return 1;
    size_t at = 0;
    static char name[] = "tokenbroker";
    words[at++] = name;
    if (connection >= 0) {
        snprintf(option, sizeof option, "--connection=%d", connection);
        words[at++] = option;
    }
    for (size_t i = 1; i < count; ++i)
        words[at++] = argv[i];
    /* Where this one lies in bin, the full one lies in libexec beside it; a copy elsewhere looks
     * where it would be installed. */
    const ssize_t size = readlink("/proc/self/exe", beside, sizeof beside - 64);
    if (size > 0) {
        beside[size] = '\0';
        char* const slash = strrchr(beside, '/');
        if (slash != NULL) {
            static const char full[] = "/../libexec/tokenbroker/tokenbroker-full";
            memcpy(slash, full, sizeof full);
            execv(beside, words);
        }
    }
    execv(TB_FULL_COMMAND, words);
    fprintf(stderr, "tokenbroker: can't start %s: %s; is the package whole?\n", TB_FULL_COMMAND,
            strerror(errno));
    free(words);
    return 1;
}

/* The descriptor that waits with the answer, or -1 if nothing was sent. */
static int ask(const struct tb_wish* wish) {
    struct tb_place place;
    struct tb_call call;
    tb_failure ignored;
    if (tb_place_find(&place, wish->socket, &ignored) != TB_OK) return -1;
    tb_call_begin(&call, "GetToken");
    tb_call_text(&call, "account", wish->account);
    if (wish->min_remaining_ms >= 0)
        tb_call_integer(&call, "min_remaining_ms", wish->min_remaining_ms);
    tb_call_integer(&call, "timeout_ms", wish->timeout_ms);
    tb_call_end(&call, false);
    const int fd = call.full ? -1 : tb_line_connect(tb_place_path(&place), CONNECT_MS);
    if (fd < 0) return -1;
    /* A standard stream was closed, and this would be it. Or the daemon went. */
    if (fd > STDERR_FILENO && send(fd, call.text, call.size, MSG_NOSIGNAL) == (ssize_t)call.size)
        return fd;
    close(fd);
    return -1;
}

/* The answer as it stands in the connection, if it is a token and whole. */
static bool look(int fd, struct tb_reply* reply) {
    struct pollfd wait = {fd, POLLIN, 0};
    if (poll(&wait, 1, PATIENCE_MS) != 1) return false;
    const ssize_t size = recv(fd, frame, sizeof frame, MSG_PEEK | MSG_DONTWAIT);
    if (size <= 0) return false;
    frame_used = (size_t)size;
    char* const end = memchr(frame, '\0', (size_t)size);
    return end != NULL && tb_reply_read(frame, (size_t)(end - frame), reply) && reply->has_token &&
           !reply->continues;
}

static bool write_all(const char* bytes, size_t size) {
    while (size > 0) {
        const ssize_t n = write(STDOUT_FILENO, bytes, size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return false;
        bytes += n;
        size -= (size_t)n;
    }
    return true;
}

/* One write, for whoever reads a pipe by chunks. The texts stand in `frame`. */
static bool print(const struct tb_wish* wish, const struct tb_reply* reply) {
    static char line[sizeof frame];
    const struct tb_token_text* const token = &reply->token;
    const int size = wish->header ? snprintf(line, sizeof line, "%s: %s\n", token->header_name.data,
                                             token->header_value.data)
                                  : snprintf(line, sizeof line, "%s\n", token->token.data);
    signal(SIGPIPE, SIG_IGN); /* a closed standard output is exit code 1, with words */
    const bool written = write_all(line, (size_t)size);
    explicit_bzero(line, (size_t)size);
    return written;
}

int main(int argc, char** argv) {
    struct tb_wish wish;
    struct tb_reply reply;
    (void)argc;
    if (!tb_wish_read(argv, &wish)) return become_full(argv, -1);
    const int fd = ask(&wish);
    if (fd < 0) return become_full(argv, -1);
    const struct rlimit no_core = {0, 0}; /* a token passes through here */
    setrlimit(RLIMIT_CORE, &no_core);
    if (!look(fd, &reply)) {
        explicit_bzero(frame, frame_used);
        fcntl(fd, F_SETFD, 0);
        return become_full(argv, fd);
    }
    const bool printed = print(&wish, &reply);
    explicit_bzero(frame, frame_used);
    if (printed) return 0;
    fprintf(stderr, "tokenbroker: can't write to standard output: %s\n", strerror(errno));
    return 1;
}
