/*
 * channel.h: how many unfinished tasks of clients there are, and when that is enough.
 */
#ifndef TASKFS_CONTROLLER_CLIENTS_CHANNEL_H
#define TASKFS_CONTROLLER_CLIENTS_CHANNEL_H

#include "relayed.h"

/*
 * channel.c: so many more are taken in; no more come from this socket now;
 * there is one more, or less.
 */
uint64_t channel_room(const struct controller *c, enum channel ch);
bool channel_is_full(const struct controller *c, enum socket s);
void channel_more(struct controller *c, enum channel ch);
void channel_less(struct controller *c, enum channel ch);

void channels_init(struct controller *c);
void channels_done(struct controller *c);

#endif
