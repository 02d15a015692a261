#include "connection.h"
#include "base/file.h"
#include "ssh/tunnel.h"
#include "wire/limits.h"

#include <sodium.h>

/* Why there is no file from the other end of the tunnel; -EAGAIN: not yet. */
static int say_why_not(const struct config *config, struct buf *why)
{
	enum tunnel_state state = tunnel_explain(config->tunnel, why);

	return state == TUNNEL_FAILED || state == TUNNEL_NO_FILE
		       ? -EHOSTUNREACH : -EAGAIN;
}

static int read_text(const struct config *config, struct buf *out)
{
	const char *given = config->connection;

	if (config->tunnel)
		return tunnel_text(config->tunnel, out);
	if (!given)
		return file_read(config->path, LIMIT_CONNFILE, out);
	if (strlen(given) > LIMIT_CONNFILE)
		return -EFBIG;
	buf_puts(out, given);
	return 0;
}

/* Who can write into the directory of the cluster chooses what is run here. */
static int check_place(const char *dir, struct buf *why)
{
	char *security = dir ? xasprintf("%s/security", dir) : NULL;
	int err = dir ? file_check_dir(dir) : 0;

	if (!err && dir)
		err = file_check_dir(security);
	if (err == -EPERM)
		buf_printf(why, "%s belongs to another user, or anybody may "
				"write there; if you trust them, name the "
				"connection file (-f)", dir);
	free(security);
	return err == -EPERM ? err : 0;
}

int connection_read(const struct config *config, struct buf *text,
		    struct connfile *ret_file, struct buf *why)
{
	int err = check_place(config->dir, why);

	if (err)
		return err;
	buf_clear(text);
	err = read_text(config, text);
	if (err == -ENOENT && config->tunnel)
		return say_why_not(config, why);
	if (err) {
		if (err != -ENOENT)
			buf_printf(why, "%s: %s", config->path, strerror(-err));
		return err;
	}
	buf_printf(why, "%s: ", config->path);
	err = connfile_parse(ret_file, CONNFILE_ENGINE, buf_bytes(text), why);
	if (!err)
		buf_clear(why);
	return err;
}

bool connection_changed(const struct config *config, struct bytes text)
{
	struct buf now = BUF_INIT;
	bool changed;

	tunnel_look(config->tunnel);
	/* A file that is not there (yet) says nothing new. */
	changed = read_text(config, &now) == 0 &&
		  !bytes_eq(buf_bytes(&now), text);
	if (now.p)
		sodium_memzero(now.p, now.room);
	buf_done(&now);
	return changed;
}
