#include "base/base.h"
#include "stop.h"

#include "base/log.h"
#include "launch.h"

#include <fcntl.h>
#include <sys/file.h>

static void cancel_all(struct controller *c, bool again)
{
	struct list *at, *k, *tmp;

	list_for_each(at, &c->pools->all)
		list_for_each_safe(k, tmp, &list_entry(at, struct pool, link)->launches) {
			struct launch *l = list_entry(k, struct launch, link);

			if (again || l->state != LAUNCH_ENDING)
				launch_cancel(l);
		}
}

static void all_changed(struct controller *c)
{
	struct list *at;

	list_for_each(at, &c->pools->all)
		pool_changed(list_entry(at, struct pool, link));
	loop_defer(c->loop, &c->pools->look);
}

void pools_stop(struct controller *c)
{
	struct pools *pools = c->pools;
	char *path = xasprintf("%s/.cluster.lock", c->config.dir);

	log_info("what pools have launched ends, as the cluster is stopped");
	if (!pools->stopped)
		pools->stop_lock = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	pools->stopped = true;
	free(path);
	cancel_all(c, true);
	all_changed(c);
}

/* Whoever stops the cluster has it locked. */
static bool is_locked(int fd)
{
	if (fd < 0)
		return false;
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		return true;
	flock(fd, LOCK_UN);
	return false;
}

void pools_stop_look(struct controller *c)
{
	if (!c->pools->stopped)
		return;
	cancel_all(c, false);
	if (is_locked(c->pools->stop_lock))
		return;
	log_info("the cluster is not stopped any more: pools go on");
	pools_stop_done(c->pools);
	all_changed(c);
}

void pools_stop_done(struct pools *pools)
{
	if (pools->stopped && pools->stop_lock >= 0)
		close(pools->stop_lock);
	pools->stopped = false;
}
