/* libtokenbroker: access tokens from tokenbrokerd on this host. C99 and C++; needs libc alone.
 *
 *   tb_get      one round trip: asks the daemon, waits at most until a deadline.
 *   tb_watch_*  a token that a background thread keeps current; tb_read takes a nanosecond or two,
 *               no system call, no lock and no shared reference count: made for a game loop.
 *
 * What must stay true: the daemon's socket is the only thing that is talked to; a token is never
 * served after it has expired; no token is in a failure's text; all memory that held one is wiped.
 *
 * Thread safety is said for each function. "Thread-safe": any thread, at any time. Nothing here is
 * async-signal-safe except tb_read and tb_strerror. No function changes the signal mask, installs a
 * handler or raises SIGPIPE. errno is left undefined.
 *
 * ABI: structures are filled by one side only. tb_token is the library's: later versions may add
 * members at its end. tb_options is yours: TB_OPTIONS_INIT tells the library how large it is.
 * tb_failure never changes. */
#ifndef TOKENBROKER_H
#define TOKENBROKER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define TB_API __attribute__((visibility("default")))
#else
#define TB_API
#endif

/* What went wrong. 1..9 are the errors of io.tokenbroker.tokens. Numbers are never reused; take one
 * that you don't know as "failed". */
typedef enum tb_error {
    TB_OK = 0,
    TB_E_UNKNOWN_ACCOUNT = 1, /* no such account, or not yours: the daemon tells no difference */
    TB_E_ACCOUNT_PAUSED = 2,  /* an operator paused it */
    TB_E_LOGIN_REQUIRED = 3,  /* a person has to log in again; the reason says what to run */
    TB_E_MISCONFIGURED = 4,   /* an operator has to change the configuration */
    TB_E_PROVIDER_UNAVAILABLE = 5, /* no token can be had now; later */
    TB_E_LIFETIME_TOO_SHORT = 6,   /* min_remaining_ms is more than any token of it lives */
    TB_E_TOO_MANY_REQUESTS = 7,    /* of your uid; retry_after_ms says when */
    TB_E_INVALID_PARAMETER = 10,   /* the daemon doesn't take a value you gave */
    TB_E_INVALID_ARGUMENT = 11,    /* the library doesn't: nothing was sent */
    TB_E_NO_DAEMON = 12,           /* nobody listens on the socket, or it went away */
    TB_E_NOT_PERMITTED = 13,       /* you may not open the socket */
    TB_E_TIMED_OUT = 14,           /* no answer before the deadline */
    TB_E_PROTOCOL = 15,            /* the answer is none that tokenbrokerd gives */
    TB_E_NO_MEMORY = 16,
    TB_E_SYSTEM = 17,  /* no descriptor, no thread, ...: the reason says */
    TB_E_NOT_YET = 18, /* a watch that has not got its first answer */
    TB_E_FORKED = 19,  /* a watch in a child process: tb_watch_wait starts it there */
    TB_E_CLOSED = 20   /* a watch that was closed */
} tb_error;

/* More about a failure. You may pass NULL wherever one is taken. */
typedef struct tb_failure {
    int64_t retry_after_ms; /* worth trying again after this; 0: the daemon named none */
    int64_t longest_ms;     /* with TB_E_LIFETIME_TOO_SHORT: what can be asked for; else 0 */
    char reason[512];       /* for people, in one line, never empty on failure, "" on success */
} tb_failure;

typedef struct tb_pair {
    const char* name;
    const char* value;
} tb_pair;

/* A token and how to send it. All strings end with a NUL and have none inside. */
typedef struct tb_token {
    const char* account;
    const char* token;
    size_t token_bytes;
    const char* header_name;  /* as the provider wants it: "Authorization" ... */
    const char* header_value; /* ... "Bearer ..." */
    const char* query_name;   /* where a provider also takes it as a query parameter; else NULL */
    const char* query_value;
    int64_t generation;    /* a new token has a higher one */
    int64_t expires_at_ms; /* since the Unix epoch; -1: it doesn't expire */
    int64_t until_boot_ms; /* the same on CLOCK_BOOTTIME; -1 */
    const char* const* scopes;
    size_t scopes_count;
    const tb_pair* attributes;
    size_t attributes_count;
} tb_token;

/* Zero or NULL in a member: its default. */
typedef struct tb_options {
    size_t struct_bytes;
    const char* socket;       /* NULL: $TOKENBROKER_SOCKET, else the user's, else the system's */
    int64_t deadline_ms;      /* for the whole call; default 10000, at most 300000 */
    int64_t min_remaining_ms; /* a promise, kept or refused: how long the token has to stay valid */
    const tb_pair* parameters; /* what the provider takes per request; at most 8 */
    size_t parameters_count;
} tb_options;

#define TB_OPTIONS_INIT {sizeof(tb_options), NULL, 0, 0, NULL, 0}

/* The library's version, as "0.1.0". Thread-safe. */
TB_API const char* tb_version(void);

/* What an error means, in a few English words; for any number. Thread-safe. */
TB_API const char* tb_strerror(tb_error error);

/* One token of ACCOUNT ("client/name"), from the daemon, before the deadline. On TB_OK *TOKEN is
 * yours: give it to tb_token_free. Otherwise it is NULL. OPTIONS may be NULL. Thread-safe; blocks.
 * Reads the environment, so no other thread may call setenv meanwhile. */
TB_API tb_error tb_get(const char* account, const tb_options* options, tb_token** token,
                       tb_failure* failure);

/* Wipes and frees a token of tb_get; NULL is fine. Each token by one thread. */
TB_API void tb_token_free(tb_token* token);

/* How long it stays valid: 0 when it has expired, INT64_MAX when it never does. Reads the clock
 * (no system call on common machines). Thread-safe. */
TB_API int64_t tb_token_remaining_ms(const tb_token* token);

/* The provider's server refused this generation of the token (a 401, say): the daemon will not give
 * it to you again, and within a budget it renews. Doesn't wait for the renewal. *RENEWAL_STARTED
 * (may be NULL) becomes 0 or 1. A watch gets the new token by itself. Thread-safe; blocks. */
TB_API tb_error tb_report_rejected(const char* account, int64_t generation,
                                   const tb_options* options, int* renewal_started,
                                   tb_failure* failure);

/* -- a watched token -- */

typedef struct tb_watch tb_watch;
typedef struct tb_reader tb_reader;

/* Starts a thread (all signals blocked in it) that keeps ACCOUNT's token current: across renewals,
 * and across restarts of the daemon, while the token in hand goes on being served until it expires.
 * Doesn't wait for the daemon, which need not even be there. SOCKET as in tb_options. On TB_OK
 * *WATCH is yours, else it is NULL. Thread-safe. Reads the environment. */
TB_API tb_error tb_watch_open(const char* account, const char* socket, tb_watch** watch,
                              tb_failure* failure);

/* Waits until a usable token is there (TB_OK), until the daemon says that none will come without
 * somebody doing something (1..4: at once, so don't call it in a tight loop), or for TIMEOUT_MS
 * (what is known then: TB_E_NO_DAEMON, TB_E_NOT_YET, ...). TIMEOUT_MS is 0..300000.
 * After fork it starts the child's own thread. The child may have closed any descriptors before and
 * have files of its own under their numbers, as a daemon does: of what it inherited the library
 * closes only what is still the watch's. Thread-safe. */
TB_API tb_error tb_watch_wait(tb_watch* watch, int64_t timeout_ms, tb_failure* failure);

/* How the account fares: TB_OK, or why there is, or soon will be, no token; a token in hand may be
 * usable with any of them. TB_E_FORKED in a child before its first tb_watch_wait. Thread-safe; may
 * wait for a lock for microseconds: for a status line, not for each frame. */
TB_API tb_error tb_watch_status(tb_watch* watch, tb_failure* failure);

/* Ends the thread and wipes what it had. Readers may be read (they give NULL) and closed after it.
 * NULL is fine. Once for each watch in each process, with no other tb_watch_* call at that time. In
 * a child, as tb_watch_wait, it leaves alone what isn't the watch's. */
TB_API void tb_watch_close(tb_watch* watch);

/* A reader holds a copy of the token of its own: one for each thread that reads. Thread-safe, but
 * not against tb_watch_close. Fails with TB_E_NO_MEMORY or TB_E_INVALID_ARGUMENT. */
TB_API tb_error tb_reader_open(tb_watch* watch, tb_reader** reader);

/* The current token, or NULL when there is none that is usable: ask tb_watch_status why. What it
 * points to stays as it is until the next tb_read or tb_reader_close of this reader, even when the
 * token is replaced or expires meanwhile. Never waits; makes no system call. One thread at a time
 * for each reader; any number of readers at the same time.
 * In a child process it gives NULL until tb_watch_wait was called there. */
TB_API const tb_token* tb_read(tb_reader* reader);

/* Wipes the reader's copy. NULL is fine. */
TB_API void tb_reader_close(tb_reader* reader);

#ifdef __cplusplus
}
#endif

#endif
