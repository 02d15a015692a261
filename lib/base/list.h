/*
 * list.h: the kernel's circular doubly linked list. The head and the links
 * are embedded by whoever owns them.
 */
#ifndef TASKFS_LIST_H
#define TASKFS_LIST_H

#include "base/base.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name) {&(name), &(name)}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert(struct list *l, struct list *prev,
			       struct list *next)
{
	l->prev = prev;
	l->next = next;
	prev->next = l;
	next->prev = l;
}

/* At the front. */
static inline void list_add(struct list *head, struct list *l)
{
	list_insert(l, head, head->next);
}

/* At the end. */
static inline void list_add_tail(struct list *head, struct list *l)
{
	list_insert(l, head->prev, head);
}

/* Out of its list; a link that is in no list may be removed again. */
static inline void list_del(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

#define list_entry(l, type, member) container_of(l, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_for_each(l, head) \
	for ((l) = (head)->next; (l) != (head); (l) = (l)->next)
/* The current link may be removed. */
#define list_for_each_safe(l, tmp, head) \
	for ((l) = (head)->next, (tmp) = (l)->next; (l) != (head); \
	     (l) = (tmp), (tmp) = (l)->next)

#endif
