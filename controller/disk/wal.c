#include "base/base.h"
#include "wal.h"

#include <fcntl.h>
#include <sys/stat.h>

#define HEADER 32
#define FRAME 24
#define MAGIC 0x377f0682u	/* its lowest bit says that sums are big-endian */
#define VERSION 3007000
#define PAGE_MOST 65536

/* A sum is over pairs of words, and goes on from the sum before. */
struct sum {
	uint32_t a, b;
};

struct frame {
	unsigned char head[FRAME];	/* page, commit, salts, sum */
	unsigned char page[PAGE_MOST];
};

struct wal {
	int fd;
	uint64_t frames;	/* how many whole frames the file has room for */
	uint32_t page_size;
	bool big;
	unsigned char header[HEADER];
	bool good;		/* the sum of the header is right */
	struct frame now, next;
};

static uint32_t get(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static void put(unsigned char *p, uint32_t n)
{
	p[0] = (unsigned char)(n >> 24);
	p[1] = (unsigned char)(n >> 16);
	p[2] = (unsigned char)(n >> 8);
	p[3] = (unsigned char)n;
}

static uint32_t word(const unsigned char *p, bool big)
{
	return big ? get(p) : __builtin_bswap32(get(p));
}

static struct sum sum_of(struct sum s, const unsigned char *p, size_t n,
			 bool big)
{
	const unsigned char *end = p + n;

	for (; p < end; p += 8) {
		s.a += word(p, big) + s.b;
		s.b += word(p + 4, big) + s.a;
	}
	return s;
}

static struct sum get_sum(const unsigned char *p)
{
	return (struct sum){get(p), get(p + 4)};
}

static bool same(struct sum x, struct sum y)
{
	return x.a == y.a && x.b == y.b;
}

static int read_at(int fd, void *p, size_t n, uint64_t at)
{
	ssize_t got = pread(fd, p, n, (off_t)at);

	if (got < 0)
		return -errno;
	return (size_t)got == n ? 0 : -EIO;
}

static int write_at(int fd, const void *p, size_t n, uint64_t at)
{
	ssize_t put = pwrite(fd, p, n, (off_t)at);

	if (put < 0)
		return -errno;
	return (size_t)put == n ? 0 : -ENOSPC;
}

/* --- frames ------------------------------------------------------------- */

static uint64_t place_of(const struct wal *w, uint64_t i)
{
	return HEADER + i * (FRAME + (uint64_t)w->page_size);
}

static int read_frame(const struct wal *w, uint64_t i, struct frame *f)
{
	int err = read_at(w->fd, f->head, FRAME, place_of(w, i));

	return err ? err
		   : read_at(w->fd, f->page, w->page_size,
			     place_of(w, i) + FRAME);
}

static struct sum frame_sum(const struct wal *w, struct sum before,
			    const struct frame *f)
{
	return sum_of(sum_of(before, f->head, 8, w->big), f->page,
		      w->page_size, w->big);
}

static bool is_commit(const struct frame *f)
{
	return get(f->head + 4) != 0;
}

/* The frame was written since SQLite began the log anew; other frames are older. */
static bool is_of_now(const struct wal *w, const struct frame *f)
{
	return get(f->head) && memcmp(f->head + 8, w->header + 16, 8) == 0;
}

static bool is_good(const struct wal *w, struct sum before,
		    const struct frame *f)
{
	return is_of_now(w, f) &&
	       same(frame_sum(w, before, f), get_sum(f->head + 16));
}

/* --- opening ------------------------------------------------------------ */

static bool is_page_size(uint32_t n)
{
	return n >= 512 && n <= PAGE_MOST && (n & (n - 1)) == 0;
}

static void read_header(struct wal *w)
{
	const unsigned char *h = w->header;

	w->big = get(h) & 1;
	w->page_size = get(h + 8);
	w->good = (get(h) & ~1u) == MAGIC && get(h + 4) == VERSION &&
		  is_page_size(w->page_size) &&
		  same(sum_of((struct sum){0}, h, 24, w->big),
		       get_sum(h + 24));
}

/* -ENODATA: there is no log, or nothing in it. */
static int open_wal(struct wal *w, const char *path, int flags)
{
	struct stat st;
	int err = 0;

	w->fd = open(path, flags | O_CLOEXEC);
	if (w->fd < 0)
		return errno == ENOENT ? -ENODATA : -errno;
	if (fstat(w->fd, &st) < 0)
		err = -errno;
	else if (st.st_size <= HEADER)
		err = -ENODATA;
	else
		err = read_at(w->fd, w->header, HEADER, 0);
	if (!err)
		read_header(w);
	if (!err && w->good)
		w->frames = ((uint64_t)st.st_size - HEADER) /
			    (FRAME + (uint64_t)w->page_size);
	return err;
}

static void close_wal(struct wal *w)
{
	if (w->fd >= 0)
		close(w->fd);
	free(w);
}

static struct wal *wal_new(void)
{
	struct wal *w = zalloc(sizeof(*w));

	w->fd = -1;
	return w;
}

/* After a loss of power: the file system had made the file longer, and wrote nothing. */
static bool is_all_zeros(struct wal *w)
{
	unsigned char *p = w->now.page;
	uint64_t at = 0;
	ssize_t n;

	while ((n = pread(w->fd, p, PAGE_MOST, (off_t)at)) > 0) {
		if (p[0] || memcmp(p, p + 1, (size_t)n - 1) != 0)
			return false;
		at += (uint64_t)n;
	}
	return n == 0;
}

/* --- checking ----------------------------------------------------------- */

/* Finds the first frame that SQLite does not take, and counts the commits behind it. */
static int find_end(struct wal *w, uint64_t *ret_end, uint64_t *ret_behind)
{
	struct sum sum = get_sum(w->header + 24);
	bool ended = false;
	uint64_t i;
	int err = 0;

	*ret_behind = 0;
	*ret_end = w->frames;
	for (i = 0; i < w->frames && !err; i++) {
		err = read_frame(w, i, &w->now);
		if (!err && ended)
			*ret_behind += is_of_now(w, &w->now) &&
				       is_commit(&w->now);
		if (!err && !ended && !is_good(w, sum, &w->now)) {
			ended = true;
			*ret_end = i;
		}
		sum = get_sum(w->now.head + 16);
	}
	return err;
}

int wal_check(const char *path, struct buf *why)
{
	struct wal *w = wal_new();
	int err = open_wal(w, path, O_RDONLY);
	uint64_t end, behind;

	if (!err && !w->good && !is_all_zeros(w)) {
		buf_printf(why, "the log %s is damaged: it begins with what no "
				"log begins with", path);
		err = -EUCLEAN;
	} else if (!err && w->good) {
		err = find_end(w, &end, &behind);
		if (!err && behind) {
			buf_printf(why, "the log %s is damaged at byte %llu, and "
					"what was stored %llu times behind that "
					"would be lost",
				   path, (unsigned long long)place_of(w, end),
				   (unsigned long long)behind);
			err = -EUCLEAN;
		}
	}
	close_wal(w);
	return err == -ENODATA ? 0 : err;
}

/* --- mending ------------------------------------------------------------ */

/* Whether the header said that: then there are two frames of which the second has the
 * sum that follows from the first. */
static bool guess(struct wal *w, uint32_t page_size, bool big, uint64_t size)
{
	uint64_t i, n = (size - HEADER) / (FRAME + (uint64_t)page_size);

	w->page_size = page_size;
	w->big = big;
	for (i = 0; i + 1 < n; i++) {
		if (read_frame(w, i, &w->now) || read_frame(w, i + 1, &w->next))
			return false;
		memcpy(w->header + 16, w->now.head + 8, 8);
		if (is_good(w, get_sum(w->now.head + 16), &w->next)) {
			w->frames = n;
			return true;
		}
	}
	return false;
}

static void make_header(struct wal *w)
{
	unsigned char *h = w->header;
	struct sum sum;

	put(h, MAGIC | w->big);
	put(h + 4, VERSION);
	put(h + 8, w->page_size);
	sum = sum_of((struct sum){0}, h, 24, w->big);
	put(h + 24, sum.a);
	put(h + 28, sum.b);
}

static int guess_header(struct wal *w)
{
	uint32_t page_size;
	struct stat st;

	if (fstat(w->fd, &st) < 0)
		return -errno;
	for (page_size = 512; page_size <= PAGE_MOST; page_size *= 2)
		if (guess(w, page_size, false, (uint64_t)st.st_size) ||
		    guess(w, page_size, true, (uint64_t)st.st_size)) {
			make_header(w);
			return 0;
		}
	return -EUCLEAN;
}

/* Writes the frame as number i, with the sum that it has in that place. */
static int keep(const struct wal *w, uint64_t i, struct frame *f,
		struct sum *sum)
{
	int err;

	*sum = frame_sum(w, *sum, f);
	put(f->head + 16, sum->a);
	put(f->head + 20, sum->b);
	err = write_at(w->fd, f->head, FRAME, place_of(w, i));
	return err ? err
		   : write_at(w->fd, f->page, w->page_size,
			      place_of(w, i) + FRAME);
}

/* Writes the good frames one behind the other, without the damaged ones. Those behind
 * the last good frame are no loss: nothing was written there. */
static int keep_good(struct wal *w, uint64_t *ret_lost)
{
	struct sum before = get_sum(w->header + 24), sum = before;
	uint64_t i, kept = 0, bad = 0;
	int err = write_at(w->fd, w->header, HEADER, 0);

	for (i = 0; i < w->frames && !err; i++) {
		bool good;

		err = read_frame(w, i, &w->now);
		good = !err && is_good(w, before, &w->now);
		before = get_sum(w->now.head + 16);
		if (good) {
			*ret_lost += bad;
			bad = 0;
			err = keep(w, kept++, &w->now, &sum);
		} else {
			bad++;
		}
	}
	if (!err && ftruncate(w->fd, (off_t)place_of(w, kept)) < 0)
		err = -errno;
	return err;
}

int wal_mend(const char *path, uint64_t *ret_lost)
{
	struct buf why = BUF_INIT;
	struct wal *w = wal_new();
	int err = wal_check(path, &why);

	*ret_lost = 0;
	buf_done(&why);
	if (err == -EUCLEAN) {
		err = open_wal(w, path, O_RDWR);
		if (!err && !w->good) {
			err = guess_header(w);
			*ret_lost = 1;
		}
		if (!err)
			err = keep_good(w, ret_lost);
	}
	close_wal(w);
	return err;
}
