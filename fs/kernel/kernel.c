#include "kernel.h"
#include "base/log.h"
#include "base/opt.h"
#include "link/link.h"
#include "park/fuse.h"
#include "park/park.h"
#include "tree/fs.h"

#define REQUESTS_PER_TURN 64
#define ASK_AGAIN 50		/* reads of an empty descriptor: some 15 µs */
#define WORTH_MOST 16
#define PROBE_EVERY 64

static void unmounted(struct kernel *k, int err)
{
	bool clean = err == 0 || err == -ENODEV;

	log_info("unmounted", log_int("error", err));
	kernel_stop(k);
	loop_stop(k->fs->loop, clean ? EXIT_OK : EXIT_FAILED);
}

/* 1: a request was handled; 0: there is none; -1: there will be none. */
static int handle_one(struct kernel *k)
{
	static struct fuse_buf buf;
	struct fuse_session *se = k->fs->se;
	int n;

	do {
		n = fuse_session_receive_buf(se, &buf);
	} while (n == -EINTR);
	if (n == -EAGAIN)
		return 0;
	if (n > 0)
		fuse_session_process_buf(se, &buf);
	if (n > 0 && !fuse_session_exited(se))
		return 1;
	unmounted(k, n < 0 ? n : 0);
	return -1;
}

/* Asking again is wrong while something else is waited for. */
static bool is_worth_asking(struct kernel *k)
{
	if (k->fs->park->work.queued || !list_empty(&k->fs->link->requests.asked))
		return false;
	return k->worth > 0 || ++k->probe % PROBE_EVERY == 0;
}

static int ask_again(struct kernel *k)
{
	int i, got = 0;

	for (i = 0; i < ASK_AGAIN && got == 0; i++)
		got = handle_one(k);
	if (got > 0)
		k->worth = k->worth < WORTH_MOST - 1 ? k->worth + 1
						     : WORTH_MOST;
	else if (k->worth > 0)
		k->worth -= k->worth > 2 ? 2 : k->worth;
	return got;
}

static void ready(struct watch *w, short events)
{
	struct kernel *k = container_of(w, struct kernel, watch);
	int i, got = 1;

	(void)events;
	for (i = 0; i < REQUESTS_PER_TURN && got > 0; i++) {
		got = handle_one(k);
		if (got == 0 && i > 0 && is_worth_asking(k))
			got = ask_again(k);
	}
}

void kernel_start(struct kernel *k, struct fs *fs)
{
	*k = (struct kernel){
		.fs = fs,
		.watch = {
			.ready = ready,
			.fd = fuse_session_fd(fs->se),
			.events = POLLIN,
		},
	};
	loop_add(fs->loop, &k->watch);
}

void kernel_stop(struct kernel *k)
{
	loop_remove(&k->watch);
}

void kernel_serve(struct kernel *k, int ms)
{
	struct pollfd p = {.fd = k->watch.fd, .events = POLLIN};

	if (!k->watch.loop)
		p.fd = -1;
	if (poll(&p, 1, ms) > 0)
		ready(&k->watch, p.revents);
}
