/* Errors: their names on the wire and their words for people. A new error of the interface file is
 * a new row: tests/client fails for a name without one. */
#include <string.h>

#include "client/inside.h"
#include "client/reply.h"

struct row {
    const char* name;
    tb_error error;
};

static const struct row rows[] = {
    {"io.tokenbroker.tokens.UnknownAccount", TB_E_UNKNOWN_ACCOUNT},
    {"io.tokenbroker.tokens.AccountPaused", TB_E_ACCOUNT_PAUSED},
    {"io.tokenbroker.tokens.LoginRequired", TB_E_LOGIN_REQUIRED},
    {"io.tokenbroker.tokens.Misconfigured", TB_E_MISCONFIGURED},
    {"io.tokenbroker.tokens.ProviderUnavailable", TB_E_PROVIDER_UNAVAILABLE},
    {"io.tokenbroker.tokens.LifetimeTooShort", TB_E_LIFETIME_TOO_SHORT},
    {"io.tokenbroker.tokens.TooManyRequests", TB_E_TOO_MANY_REQUESTS},
    {"org.varlink.service.InvalidParameter", TB_E_INVALID_PARAMETER},
    {"org.varlink.service.PermissionDenied", TB_E_NOT_PERMITTED},
};

tb_error tb_error_of_name(const char* name) {
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; ++i)
        if (strcmp(rows[i].name, name) == 0) return rows[i].error;
    return TB_E_PROTOCOL;
}

const char* tb_strerror(tb_error error) {
    switch (error) {
        case TB_OK:
            return "success";
        case TB_E_UNKNOWN_ACCOUNT:
            return "no such account, or not yours; see: tokenbroker account list";
        case TB_E_ACCOUNT_PAUSED:
            return "the account is paused; run: tokenbroker account resume";
        case TB_E_LOGIN_REQUIRED:
            return "the account needs a login; run: tokenbroker login";
        case TB_E_MISCONFIGURED:
            return "the account's configuration is wrong; see: tokenbroker status";
        case TB_E_PROVIDER_UNAVAILABLE:
            return "no token can be had now: the provider is unavailable";
        case TB_E_LIFETIME_TOO_SHORT:
            return "no token of this account lives as long as asked for";
        case TB_E_TOO_MANY_REQUESTS:
            return "too many requests of your user";
        case TB_E_INVALID_PARAMETER:
            return "the daemon doesn't take a value of the request";
        case TB_E_INVALID_ARGUMENT:
            return "an argument is not valid";
        case TB_E_NO_DAEMON:
            return "tokenbrokerd can't be reached: is it running?";
        case TB_E_NOT_PERMITTED:
            return "you may not connect to tokenbrokerd's socket";
        case TB_E_TIMED_OUT:
            return "no answer before the deadline";
        case TB_E_PROTOCOL:
            return "the answer is none that this library knows: another version of tokenbrokerd?";
        case TB_E_NO_MEMORY:
            return "out of memory";
        case TB_E_SYSTEM:
            return "the system refused what was needed";
        case TB_E_NOT_YET:
            return "no answer of tokenbrokerd yet";
        case TB_E_FORKED:
            return "this watch belongs to the parent process; tb_watch_wait starts it here";
        case TB_E_CLOSED:
            return "the watch was closed";
    }
    return "an error that this version of the library doesn't know";
}

const char* tb_version(void) {
    return TB_VERSION;
}

tb_error tb_fail(tb_failure* failure, tb_error error, const char* reason) {
    const struct tb_text text = {(char*)(uintptr_t)reason, reason == NULL ? 0 : strlen(reason)};
    return tb_fail_text(failure, error, &text);
}

tb_error tb_fail_text(tb_failure* failure, tb_error error, const struct tb_text* reason) {
    if (failure == NULL) return error;
    memset(failure, 0, sizeof *failure);
    if (error == TB_OK) return error;
    const char* from = reason->size > 0 ? reason->data : tb_strerror(error);
    size_t size = reason->size > 0 ? reason->size : strlen(from);
    if (size >= sizeof failure->reason) {
        size = sizeof failure->reason - 1;
        while (size > 0 && ((unsigned char)from[size] & 0xC0) == 0x80)
            --size; /* not in the middle of a character */
    }
    for (size_t i = 0; i < size; ++i) {
        const unsigned char c = (unsigned char)from[i];
        failure->reason[i] = c < 0x20 || c == 0x7F ? '?' : (char)c; /* a terminal may show it */
    }
    return error;
}

tb_error tb_fail_reply(tb_failure* failure, const struct tb_reply* reply) {
    const struct tb_text* words = &reply->reason;
    if (reply->error == TB_E_INVALID_PARAMETER) words = &reply->parameter;
    tb_fail_text(failure, reply->error, words);
    if (failure != NULL) {
        failure->retry_after_ms = reply->retry_after_ms;
        failure->longest_ms = reply->longest_ms;
    }
    return reply->error;
}
