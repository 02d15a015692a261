#include "process.h"

#include "base/file.h"
#include "base/parse.h"

#include <sodium.h>
#include <sys/stat.h>

#define LIMIT_LINE 4096
#define DIGEST 8	/* bytes of that of the machine's id */
#define STATE_FIELD 3	/* of /proc/PID/stat: the one behind the name */
#define START_FIELD 22

static void read_line(const char *path, struct buf *out)
{
	if (file_read(path, LIMIT_LINE, out))
		buf_clear(out);
	while (out->n && out->p[out->n - 1] == '\n')
		out->n--;
}

/* What it is told of is not to be told: a digest of it. */
static void put_machine(struct buf *to)
{
	static const char purpose[] = "taskfs machine 1";
	unsigned char hash[crypto_generichash_BYTES_MIN];
	struct buf id = BUF_INIT;
	size_t i;

	read_line("/etc/machine-id", &id);
	if (id.n && !crypto_generichash(hash, sizeof(hash),
					(unsigned char *)id.p, id.n,
					(const unsigned char *)purpose,
					sizeof(purpose)))
		for (i = 0; i < DIGEST; i++)
			buf_printf(to, "%02x", hash[i]);
	buf_done(&id);
}

static void put_boot(struct buf *to)
{
	read_line("/proc/sys/kernel/random/boot_id", to);
}

/* In clock ticks since the boot; false: there is no such process, or it is dead. */
static bool put_start(int64_t pid, struct buf *to)
{
	struct buf stat = BUF_INIT;
	struct bytes state, start;
	char path[64];
	bool lives;

	snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	read_line(path, &stat);
	state = parse_stat_field(buf_bytes(&stat), STATE_FIELD);
	start = parse_stat_field(buf_bytes(&stat), START_FIELD);
	buf_put(to, start.p, start.n);
	lives = start.n && !bytes_is(state, "Z") && !bytes_is(state, "X");
	buf_done(&stat);
	return lives;
}

static bool put_process(int64_t pid, struct buf *to)
{
	struct stat ns;
	struct buf boot = BUF_INIT;
	bool known;

	put_boot(&boot);
	known = boot.n && stat("/proc/self/ns/pid", &ns) == 0;
	put_machine(to);
	if (known)
		buf_printf(to, ":%.*s:%llu:", (int)boot.n, boot.p,
			   (unsigned long long)ns.st_ino);
	buf_done(&boot);
	return known && put_start(pid, to);
}

void process_text(int64_t pid, char text[PROCESS_SIZE])
{
	struct buf b = BUF_INIT;
	bool known = put_process(pid, &b) && b.n < PROCESS_SIZE;

	snprintf(text, PROCESS_SIZE, "%s", known ? buf_str(&b) : "");
	buf_done(&b);
}

/* The part up to the n-th colon. */
static struct bytes upto(const char *text, int n)
{
	const char *p = text;

	while (*p && (*p != ':' || --n > 0))
		p++;
	return bytes_of(text, *p ? (size_t)(p - text) : 0);
}

/* One cannot look into a machine, or a namespace, that is not one's own. */
enum process_fate process_fate(int64_t pid, const char *text)
{
	struct buf now = BUF_INIT;
	enum process_fate fate = PROCESS_UNKNOWN;
	struct bytes mine, here = upto(text, 3);
	bool there = put_process(pid, &now);

	mine = upto(buf_str(&now), 3);
	if (here.n && bytes_eq(here, mine))
		fate = there && bytes_is(buf_bytes(&now), text) ? PROCESS_LIVES
								: PROCESS_ENDED;
	buf_done(&now);
	return fate;
}

bool process_rebooted(const char *text, const char *newer)
{
	struct bytes was = upto(text, 1), is = upto(newer, 1);

	return was.n && bytes_eq(was, is) &&
	       !bytes_eq(upto(text, 2), upto(newer, 2));
}
