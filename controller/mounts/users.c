#include "base/base.h"
#include "users.h"

#include "base/log.h"
#include "model/carrier.h"
#include "model/results.h"

#include <fcntl.h>
#include <sys/file.h>

#define LOOK USEC_PER_SEC
/* A mount that is made anew finds the bridge still there. */
#define LINGER 3

struct users {
	struct controller *c;
	struct timer timer;
	int fd;
	unsigned unused;	/* beats in a row without a user */
};

static bool is_used(const struct users *u)
{
	if (flock(u->fd, LOCK_EX | LOCK_NB) < 0)
		return true;
	flock(u->fd, LOCK_UN);
	return false;
}

static bool has_work(struct controller *c)
{
	uint64_t left = c->results->tasks[STATE_PENDING] + c->results->tasks[STATE_RUNNING];
	struct list *l;

	/* Tasks that wait are in the store, for the next mount. */
	if (!left || c->carrier->is_gone(c))
		return false;
	list_for_each(l, &c->results->order) {
		struct result *r = list_entry(l, struct result, by_id);

		if (r->ops->counts_as_use && !r->held &&
		    !state_is_final(result_state(r)))
			return true;
	}
	return false;
}

static void look(struct timer *t)
{
	struct users *u = container_of(t, struct users, timer);

	u->unused = is_used(u) || has_work(u->c) ? 0 : u->unused + 1;
	if (u->unused >= LINGER) {
		log_info("ending: no mount uses it");
		loop_stop(u->c->loop, 0);
		return;
	}
	timer_set(u->c->loop, t, LOOK);
}

int users_watch(struct controller *c)
{
	char *path = xasprintf("%s/pid/users", c->config.dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int err = fd < 0 ? -errno : 0;

	free(path);
	if (err)
		return err;
	c->users = zalloc(sizeof(*c->users));
	c->users->c = c;
	c->users->fd = fd;
	c->users->timer.fire = look;
	timer_set(c->loop, &c->users->timer, LOOK);
	return 0;
}

void users_done(struct controller *c)
{
	if (!c->users)
		return;
	timer_cancel(&c->users->timer);
	close(c->users->fd);
	free(c->users);
	c->users = NULL;
}
