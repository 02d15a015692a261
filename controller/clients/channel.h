/*
 * channel.h: the ways of clients' messages to engines: the sockets of each; how many
 * unfinished tasks came by it, and when that is enough.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_CHANNEL_H
#define TASKFS_CONTROLLER_CLIENTS_CHANNEL_H

#include "core/controller.h"

/* Where its clients are, and its engines. */
enum socket channel_in(enum channel ch);
enum socket channel_out(enum channel ch);

/* So many more tasks of clients are taken in. */
uint64_t channel_room(const struct controller *c, enum channel ch);
/* Nothing more is taken in from this socket now. */
bool channel_is_full(const struct controller *c, enum socket s);
/* There is one more unfinished task, or one less. */
void channel_more(struct controller *c, enum channel ch);
void channel_less(struct controller *c, enum channel ch);

void channels_init(struct controller *c);
void channels_done(struct controller *c);

#endif
