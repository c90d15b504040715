/* See line.h. */
#include "client/line.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

int tb_line_connect(const char* path, int64_t wait_ms) {
    struct sockaddr_un address;
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path, strnlen(path, sizeof address.sun_path - 1));
    const int kind = SOCK_STREAM | SOCK_CLOEXEC | (wait_ms > 0 ? 0 : SOCK_NONBLOCK);
    const int fd = socket(AF_UNIX, kind, 0);
    if (fd < 0) return -errno;
    const int64_t until = tb_now_ms() + wait_ms;
    int error = 0;
    do {
        const int64_t left = until - tb_now_ms();
        if (wait_ms > 0) {
            if (left <= 0) {
                error = EAGAIN;
                break;
            }
            const int64_t nap = tb_nap_ms(left);
            const struct timeval patience = {(time_t)(nap / 1000),
                                             (suseconds_t)(nap % 1000 * 1000)};
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
        }
        error = connect(fd, (const struct sockaddr*)&address, sizeof address) == 0 ? 0 : errno;
    } while (error == EINTR || (error == EAGAIN && wait_ms > 0));
    if (error == 0) return fd;
    close(fd);
    return -error;
}

tb_error tb_fail_connect(tb_failure* failure, const char* path, int error) {
    const char* why = NULL;
    tb_error code = TB_E_NO_DAEMON;
    switch (error) {
        case ENOENT:
            why = "no such file: is tokenbrokerd running?";
            break;
        case ECONNREFUSED:
            why = "nobody listens there: start tokenbrokerd";
            break;
        case EACCES:
        case EPERM:
            why = "you may not connect to it: ask for the right group";
            code = TB_E_NOT_PERMITTED;
            break;
        case EAGAIN:
            why = "tokenbrokerd takes no new connection: it is busy or hangs";
            code = TB_E_TIMED_OUT;
            break;
        case ENOMEM:
        case ENOBUFS:
            code = TB_E_NO_MEMORY;
            break;
        case EMFILE:
        case ENFILE:
            code = TB_E_SYSTEM;
            break;
        default:
            break;
    }
    if (why == NULL) return tb_fail_errno(failure, code, path, error);
    char text[TB_PATH_BYTES + 80];
    snprintf(text, sizeof text, "%s: %s", path, why);
    return tb_fail(failure, code, text);
}

/* Room for what comes, by giving up the frame that was given out. */
static void drop_taken(struct tb_line* line) {
    if (line->taken == 0) return;
    const size_t rest = line->used - line->taken;
    memmove(line->buffer, line->buffer + line->taken, rest);
    explicit_bzero(line->buffer + rest, line->taken);
    line->used = rest;
    line->scanned = line->taken = 0;
}

char* tb_line_frame(struct tb_line* line, size_t* size) {
    drop_taken(line);
    char* const end = line->used == line->scanned
                          ? NULL
                          : memchr(line->buffer + line->scanned, '\0', line->used - line->scanned);
    if (end == NULL) {
        line->scanned = line->used;
        return NULL;
    }
    *size = (size_t)(end - line->buffer);
    line->taken = *size + 1;
    return line->buffer;
}

int tb_line_fill(struct tb_line* line) {
    drop_taken(line);
    if (line->used == line->capacity) {
        errno = EMSGSIZE;
        return -1;
    }
    const ssize_t n =
        recv(line->fd, line->buffer + line->used, line->capacity - line->used, MSG_DONTWAIT);
    if (n > 0) {
        line->used += (size_t)n;
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return 0;
    if (n == 0 || errno == ECONNRESET) errno = 0;
    return -1;
}

void tb_line_clear(struct tb_line* line) {
    if (line->buffer != NULL) explicit_bzero(line->buffer, line->used);
    line->used = line->scanned = line->taken = 0;
}
