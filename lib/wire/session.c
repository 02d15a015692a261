#include "wire/session.h"
#include "base/parse.h"
#include "wire/limits.h"

#include <pwd.h>

/*
 * The last `room` digests (their first 8 bytes: nobody without the key can
 * choose them), in a ring, with an open-addressed index of twice the room.
 * Both grow with use up to `limit`.
 */
struct replay {
	uint64_t *ring, *index;
	size_t room, n, next, limit;
};

static size_t index_slot(const struct replay *r, uint64_t d)
{
	size_t mask = r->room * 2 - 1, i = d & mask;

	while (r->index[i] && r->index[i] != d)
		i = (i + 1) & mask;
	return i;
}

static void index_rebuild(struct replay *r)
{
	size_t i;

	memset(r->index, 0, r->room * 2 * sizeof(*r->index));
	for (i = 0; i < r->n; i++)
		r->index[index_slot(r, r->ring[i])] = r->ring[i];
}

static void replay_grow(struct replay *r)
{
	r->room = r->room ? r->room * 2 : 256;
	r->ring = xreallocarray(r->ring, r->room, sizeof(*r->ring));
	r->index = xreallocarray(r->index, r->room * 2, sizeof(*r->index));
	index_rebuild(r);
}

/* The oldest half is forgotten at once: one rebuild per room / 2 messages. */
static void replay_forget(struct replay *r)
{
	size_t keep = r->n / 2;

	memmove(r->ring, r->ring + (r->n - keep), keep * sizeof(*r->ring));
	r->n = keep;
	index_rebuild(r);
}

/* True when d was there already. */
static bool replay_add(struct replay *r, uint64_t d)
{
	size_t i;

	if (d == 0)
		d = 1;
	if (r->n == r->room) {
		if (r->room < r->limit)
			replay_grow(r);
		else
			replay_forget(r);
	}
	i = index_slot(r, d);
	if (r->index[i])
		return true;
	r->index[i] = d;
	r->ring[r->n++] = d;
	return false;
}

static void find_username(struct session *s)
{
	const char *name = getenv("USER");
	struct passwd *pw;

	if (!name || !*name) {
		pw = getpwuid(getuid());
		name = pw ? pw->pw_name : "username";
	}
	snprintf(s->username, sizeof(s->username), "%s", name);
	/* It goes into JSON as it is. */
	for (name = s->username; *name; name++)
		if ((unsigned char)*name < 0x20 || strchr("\"\\", *name) ||
		    (unsigned char)*name > 0x7e)
			s->username[name - s->username] = '_';
}

void session_init(struct session *s, const char *id, struct bytes key,
		  size_t seen)
{
	*s = (struct session){0};
	if (id)
		snprintf(s->id, sizeof(s->id), "%s", id);
	else
		id_new(s->id);
	s->pid = (int)getpid();
	find_username(s);
	s->sign = key.n > 0;
	if (s->sign)
		crypto_auth_hmacsha256_init(&s->keyed, key.p, key.n);
	if (s->sign && seen) {
		s->replay = zalloc(sizeof(*s->replay));
		s->replay->limit = min_u64(seen, LIMIT_REPLAY);
	}
}

void session_done(struct session *s)
{
	if (s->replay) {
		free(s->replay->ring);
		free(s->replay->index);
		free(s->replay);
	}
	sodium_memzero(s, sizeof(*s));
}

void session_sign(const struct session *s, const struct bytes parts[4],
		  char signature[SIGNATURE_SIZE])
{
	crypto_auth_hmacsha256_state st = s->keyed;
	unsigned char d[crypto_auth_hmacsha256_BYTES];
	char hex[2 * sizeof(d) + 1];
	int i;

	for (i = 0; i < 4; i++)
		if (parts[i].n)
			crypto_auth_hmacsha256_update(&st, parts[i].p,
						      parts[i].n);
	crypto_auth_hmacsha256_final(&st, d);
	sodium_bin2hex(hex, sizeof(hex), d, sizeof(d));
	memcpy(signature, hex, SIGNATURE_SIZE);
}

int session_check(struct session *s, const struct bytes parts[4],
		  struct bytes signature)
{
	char want[SIGNATURE_SIZE];

	if (!s->sign)
		return 0;
	if (signature.n == 0) {
		s->count.unsigned_++;
		return -EBADMSG;
	}
	session_sign(s, parts, want);
	if (signature.n != SIGNATURE_SIZE ||
	    sodium_memcmp(want, signature.p, SIGNATURE_SIZE) != 0) {
		s->count.forged++;
		return -EBADMSG;
	}
	return 0;
}

int session_once(struct session *s, struct bytes signature)
{
	uint64_t head = 0;

	if (!s->sign || !s->replay)
		return 0;
	sodium_hex2bin((unsigned char *)&head, sizeof(head), signature.p,
		       2 * sizeof(head), NULL, NULL, NULL);
	if (replay_add(s->replay, head)) {
		s->count.replayed++;
		return -EALREADY;
	}
	return 0;
}

void session_msg_id(struct session *s, char id[MSG_ID_SIZE])
{
	snprintf(id, MSG_ID_SIZE, "%s_%d_%llu", s->id, s->pid,
		 (unsigned long long)s->counter++);
}
