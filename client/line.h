/* One connection to the daemon: frames that end with a NUL. What must stay true: nothing here waits
 * beyond the time it was given, and a buffer that held a frame is wiped before it is let go. */
#ifndef TB_CLIENT_LINE_H
#define TB_CLIENT_LINE_H

#include <sys/types.h>

#include "client/inside.h"

struct tb_line {
    int fd; /* -1: none */
    char* buffer;
    size_t capacity, used;
    size_t scanned; /* bytes known to have no NUL */
    size_t taken;   /* bytes of the frame that was given out last */
};

/* A connected socket, or -errno. WAIT_MS is for a daemon whose queue of new connections is full;
 * 0: -EAGAIN at once. */
int tb_line_connect(const char* path, int64_t wait_ms);
/* Why connect failed, in words. */
tb_error tb_fail_connect(tb_failure* failure, const char* path, int error);

/* The next whole frame, without its NUL but with it writable; valid until the next tb_line_*. NULL:
 * none yet. */
char* tb_line_frame(struct tb_line* line, size_t* size);
/* One read, without waiting. 1: bytes came; 0: none now; -1: the connection is over, errno says why
 * (0: the daemon closed it; EMSGSIZE: no room for more of this frame). */
int tb_line_fill(struct tb_line* line);
/* Forgets what was read, wiping it. */
void tb_line_clear(struct tb_line* line);

#endif
