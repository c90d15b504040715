/* A watch without a thread and a daemon: the test itself publishes, as fast as it can. */
#ifndef TB_TESTS_HAMMER_H
#define TB_TESTS_HAMMER_H

#include "client/inside.h"

struct tb_watch* hammer_open(void);
void hammer_publish(struct tb_watch* watch, const struct tb_token_text* text);
void hammer_withdraw(struct tb_watch* watch);
/* After its readers. */
void hammer_close(struct tb_watch* watch);

#endif
