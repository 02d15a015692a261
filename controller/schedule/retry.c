#include "base/base.h"
#include "retry.h"

#include "base/parse.h"
#include "ending.h"
#include "model/results.h"
#include "run.h"
#include "store/rows.h"
#include "wire/retry_on.h"

/* A task that has lost so many engines may be what ends them. */
#define LIMIT_LOSSES 5

/* Of an error's name, and of an outcome in the file attempts ("lost": the try may go
 * on). */
static bool is_loss(struct bytes word)
{
	return bytes_is(word, "EngineError") || bytes_is(word, "lost");
}

/* Tries that ended because their engine was lost, as the file attempts has them. */
static unsigned count_losses(const struct details *d)
{
	struct bytes rest = bytes_str(d && d->attempts ? d->attempts : ""), line;
	unsigned n = 0;

	while (parse_line(&rest, &line)) {
		struct bytes word = {0};
		int i;

		for (i = 0; i < 5; i++)
			word = parse_word(&line);
		n += is_loss(word);
	}
	return n;
}

bool retry_wanted(const struct result *r, const struct run *run,
		  const struct ending *how, const struct task_row *row)
{
	const struct retry_on *on = r->retry_on;
	unsigned losses;

	if (!on)
		return run->attempt <= r->retries;
	losses = on->lost ? count_losses(r->task[run->index].details) : 0;
	if (is_loss(bytes_str(how->ename ? how->ename : "")))
		return on->lost && losses < LIMIT_LOSSES;
	if (!on->error && (!row || !retry_on_status(on, row->exit_status)))
		return false;
	return run->attempt - losses <= r->retries;
}
