/*
 * heart.h: whether engines are alive: every --ping they are asked, and answer.
 */
#ifndef TASKFS_CONTROLLER_ENGINES_HEART_H
#define TASKFS_CONTROLLER_ENGINES_HEART_H

#include "model/engines.h"

void heart_init(struct controller *c);
void heart_done(struct controller *c);
void heart_on_pong(struct controller *c, struct msg *m);
/* An engine with lines has heard no beat for a while: it hears one. */
void heart_on_question(struct controller *c, const struct msg *m);
/* An engine that has just come is asked whether its heart is connected. */
void heart_probe(struct controller *c);

/* An engine that does not answer is lost within so many microseconds. */
uint64_t heart_limit(const struct controller *c);

#endif
