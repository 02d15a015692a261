#include "base/base.h"
#include "clock.h"

#include "base/file.h"
#include "base/parse.h"
#include "store/store.h"

/* The store has under this key: the boot of the machine, and what is added to the
 * clock of that boot. */
#define KEY "clock"
#define BOOT_SIZE 64

static void read_boot(struct buf *ret)
{
	if (file_read("/proc/sys/kernel/random/boot_id", BOOT_SIZE, ret))
		buf_clear(ret);
	while (ret->n && ret->p[ret->n - 1] == '\n')
		ret->n--;
}

/* False: the machine was started again since, or nothing is kept. */
static bool read_kept(struct controller *c, struct bytes boot, int64_t *ret)
{
	char *kept = store_meta(c->store, KEY);
	struct bytes rest = bytes_str(kept ? kept : ""), word;
	bool same;

	word = parse_word(&rest);
	same = boot.n && bytes_eq(word, boot) &&
	       parse_i64(parse_word(&rest), -LIMIT_TIME, LIMIT_TIME, ret) == 0;
	free(kept);
	return same;
}

void clock_init(struct controller *c)
{
	struct buf boot = BUF_INIT;

	read_boot(&boot);
	if (!read_kept(c, buf_bytes(&boot), &c->clock))
		c->clock = now_usec() - steady_usec();
	buf_done(&boot);
}

void clock_not_before(struct controller *c, int64_t then)
{
	int64_t now = clock_now(c);

	if (then > now)
		c->clock += then - now;
}

void clock_keep(struct controller *c)
{
	struct store_op *op = store_op_new(STORE_META);
	struct buf boot = BUF_INIT;

	read_boot(&boot);
	op->meta.key = KEY;
	op->meta.value = xasprintf("%.*s %lld", (int)boot.n,
				   boot.p ? boot.p : "",
				   (long long)c->clock);
	store_put(c->store, op);
	buf_done(&boot);
}

int64_t clock_now(const struct controller *c)
{
	return steady_usec() + c->clock;
}
