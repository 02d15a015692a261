#include "base/base.h"
#include "identity.h"

#include "address.h"
#include "base/file.h"
#include "base/log.h"
#include "base/parse.h"
#include "store/store.h"

#include <sodium.h>

#define LIMIT_KEY (4 * KIB)	/* of messages' signatures */

static void keep(struct controller *c, const char *key, const char *value)
{
	struct store_op *op = store_op_new(STORE_META);

	op->meta.key = key;
	op->meta.value = xstrdup(value);
	store_put(c->store, op);
}

/* The value of the last run, or a new one that is kept. */
static char *keep_id(struct controller *c, const char *key)
{
	char *value = store_meta(c->store, key);
	char id[ID_SIZE];

	if (value)
		return value;
	id_new(id);
	keep(c, key, id);
	return xstrdup(id);
}

static const char *env_text(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static bool wants_curve(const struct controller *c)
{
	const char *env = env_text("IPP_ENABLE_CURVE");
	bool on = false;

	if (c->config.curve != CURVE_AUTO)
		return c->config.curve == CURVE_ON;
	if (env && parse_bool(bytes_str(env), &on) == 0)
		return on;
	return true;
}

/* --- signatures ---------------------------------------------------------- */

static char *read_key(const char *path, struct buf *why)
{
	struct buf text = BUF_INIT;
	int err = file_read(path, LIMIT_KEY, &text);
	char *key = NULL;

	while (text.n && strchr(" \t\r\n", text.p[text.n - 1]))
		text.n--;
	if (err)
		buf_printf(why, "--key-file %s: %s", path, strerror(-err));
	else if (!text.n || memchr(text.p, '\0', text.n))
		buf_printf(why, "--key-file %s: it holds no key", path);
	else
		key = xmemdup_nul(text.p, text.n);
	if (text.p)
		sodium_memzero(text.p, text.room);
	buf_done(&text);
	return key;
}

/* The key that the options say, else the last one, else a new one; "" only with
 * --no-secure. */
static char *find_key(struct controller *c, const char *last, struct buf *why)
{
	const char *env = env_text("IPP_SESSION_KEY");
	char id[ID_SIZE];

	if (c->config.key_file)
		return read_key(c->config.key_file, why);
	if (c->config.key)
		return xstrdup(c->config.key);
	if (env)
		return xstrdup(env);
	if (address_old_key(c))
		return xstrdup(address_old_key(c));
	if (last && *last)
		return xstrdup(last);
	id_new(id);
	return xstrdup(id);
}

/*
 * The key that counts is kept: who takes it back by another one does not get it again
 * with the next start. None (--no-secure) is for one run. *ret_new: it is another than
 * the one that was kept.
 */
static int make_key(struct controller *c, bool *ret_new, struct buf *why)
{
	char *last = store_meta(c->store, "key");

	c->key = find_key(c, last, why);
	*ret_new = c->key && c->key[0] && !(last && strcmp(last, c->key) == 0);
	free(last);
	if (!c->key)
		return -EINVAL;
	if (*ret_new)
		keep(c, "key", c->key);
	if (c->key[0] || wants_curve(c))
		return 0;
	buf_puts(why, "without a key and with --curve=no anybody on this host "
		      "could send tasks");
	return -EINVAL;
}

/* --- encryption ---------------------------------------------------------- */

/* Takes a pair of keys from the environment: 1; 0: there is none; -EINVAL: it is no
 * pair. */
static int take_pair(struct curve *curve, struct buf *why)
{
	const char *public_key = env_text("IPP_CURVE_PUBLICKEY");
	const char *secret_key = env_text("IPP_CURVE_SECRETKEY");

	if (!public_key && !secret_key)
		return 0;
	if (!public_key || !secret_key ||
	    !curve_is_pair(public_key, secret_key)) {
		buf_puts(why, "IPP_CURVE_PUBLICKEY and IPP_CURVE_SECRETKEY "
			      "are no pair of keys");
		return -EINVAL;
	}
	memcpy(curve->server_public, public_key, CURVE_KEY);
	memcpy(curve->server_secret, secret_key, CURVE_KEY);
	return 1;
}

/* Uses the pair of the last run, or a new one that is kept: who had the old key of
 * the signatures has the old pair's public key, too. */
static void keep_pair(struct controller *c, bool renew)
{
	char *public_key = store_meta(c->store, "curve_public");
	char *secret_key = store_meta(c->store, "curve_secret");
	struct curve *curve = &c->curve;

	if (public_key && secret_key && !renew) {
		snprintf(curve->server_public, CURVE_KEY, "%s", public_key);
		snprintf(curve->server_secret, CURVE_KEY, "%s", secret_key);
	} else {
		curve_new_pair(curve->server_public, curve->server_secret);
		keep(c, "curve_public", curve->server_public);
		keep(c, "curve_secret", curve->server_secret);
	}
	free(public_key);
	free(secret_key);
}

static int make_curve(struct controller *c, bool new_key, struct buf *why)
{
	int taken;

	c->curve.on = wants_curve(c);
	if (!c->curve.on) {
		log_warning("--curve=no: nothing is encrypted; whoever can reach "
			    "the ports, every user of this host for one, reads "
			    "results and can pose as an engine");
		return 0;
	}
	if (!zmq_has("curve")) {
		buf_puts(why, "this libzmq has no CURVE; --curve=no does "
			      "without, unprotected");
		return -ENOTSUP;
	}
	taken = take_pair(&c->curve, why);
	if (taken == 0)
		keep_pair(c, new_key);
	return taken < 0 ? taken : 0;
}

int identity_init(struct controller *c, struct buf *why)
{
	char *cluster = keep_id(c, "cluster");
	bool new_key;
	int err;

	snprintf(c->cluster, sizeof(c->cluster), "%s", cluster);
	free(cluster);
	id_new(c->instance);
	c->since = now_usec();
	c->begun = steady_usec();
	err = make_key(c, &new_key, why);
	if (!err)
		err = make_curve(c, new_key, why);
	if (!err)
		session_init(&c->session, NULL, bytes_str(c->key),
			     LIMIT_REPLAY);
	c->session.encrypted = c->curve.on;
	return err;
}

void identity_done(struct controller *c)
{
	if (!c->key)
		return;
	session_done(&c->session);
	sodium_memzero(c->key, strlen(c->key));
	free(c->key);
	c->key = NULL;
}
