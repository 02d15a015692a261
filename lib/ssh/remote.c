#include "ssh/remote.h"

#include <sodium.h>

/*
 * Where taskfs would look (fs/mount.c), and whom it would trust. m, s and k are set
 * before: the mark, the source, and client or engine.
 */
static const char script[] =
"say() { printf '\\n%s %s\\n%s\\n%s end\\n' \"$m\" \"$1\" \"$2\" \"$m\"; }\n"
"has() {\n"
"	[ -e \"$1/ipcontroller-$k.json\" ] && return\n"
"	for f in \"$1\"/security/ipcontroller-*\"$k.json\"; do\n"
"		[ -e \"$f\" ] && return\n"
"	done\n"
"	return 1\n"
"}\n"
"place() {\n"
"	case $s in */*|*.json|.|..) d=$s; return ;; esac\n"
"	d=${XDG_STATE_HOME:-$HOME/.local/state}/taskfs/$s\n"
"	o=${IPYTHONDIR:-$HOME/.ipython}/profile_$s\n"
"	has \"$d\" && return\n"
"	if has \"$o\" || { [ ! -e \"$d\" ] && [ -e \"$o\" ]; }; then d=$o; fi\n"
"}\n"
/* As file_check_dir(): root's or ours, and not everybody's to write. */
"safe() {\n"
"	[ -d \"$1\" ] || return 0\n"
"	[ -z \"$(find \"$1/.\" -prune -perm -0002)\" ] || return 1\n"
"	[ -O \"$1\" ] || [ -n \"$(find \"$1/.\" -prune -user 0)\" ]\n"
"}\n"
"file() {\n"
"	f=$d\n"
"	[ -f \"$f\" ] && return\n"
"	case $f in *.json) [ -d \"$f\" ] || return 0 ;; esac\n"
"	if ! safe \"$d\" || ! safe \"$d/security\"; then\n"
"		why=\"$d belongs to another user there, or anybody may write"
" there; if you trust them, name the connection file\"\n"
"		return 1\n"
"	fi\n"
"	f=$d/ipcontroller-$k.json\n"
"	[ -e \"$f\" ] && return\n"
"	f=$d/security/ipcontroller-$k.json\n"
"	[ -e \"$f\" ] && return\n"
"	n=0\n"
"	for g in \"$d\"/security/ipcontroller-*-\"$k.json\"; do\n"
"		[ -e \"$g\" ] && n=$((n + 1)) && f=$g\n"
"	done\n"
"	[ \"$n\" -le 1 ] && return\n"
"	why=\"there are several clusters in $d/security there: name the"
" connection file of one\"\n"
"	return 1\n"
"}\n"
"look() {\n"
"	place\n"
"	if ! file; then\n"
"		say none \"$why\"\n"
"	elif [ -r \"$f\" ]; then\n"
"		printf '\\n%s file\\n' \"$m\"\n"
"		cat \"$f\"\n"
"		printf '\\n%s end\\n' \"$m\"\n"
"	elif [ -e \"$f\" ]; then\n"
"		say none \"the connection file $f cannot be read there\"\n"
"	else\n"
"		say none \"there is no connection file $f there; start the"
" controller first\"\n"
"	fi\n"
"}\n"
"cd\n"
"look\n"
"while read -r line; do look; done\n"
"exit 0\n";

void remote_new_mark(char mark[REMOTE_MARK])
{
	unsigned char random[12];
	char hex[2 * sizeof(random) + 1];

	randombytes_buf(random, sizeof(random));
	sodium_bin2hex(hex, sizeof(hex), random, sizeof(random));
	snprintf(mark, REMOTE_MARK, "taskfs-%s", hex);
}

static void put_quoted(struct buf *out, const char *text)
{
	buf_putc(out, '\'');
	for (; *text; text++) {
		if (*text == '\'')
			buf_puts(out, "'\\''");
		else
			buf_putc(out, *text);
	}
	buf_puts(out, "'\n");
}

void remote_script(struct buf *out, const char *mark, const char *source,
		   enum connfile_kind kind)
{
	bool at_home = strncmp(source, "~/", 2) == 0;
	char *path = xasprintf("%s%s", at_home ? "." : "", source + at_home);

	buf_printf(out, "m=%s k=%s s=", mark,
		   kind == CONNFILE_ENGINE ? "engine" : "client");
	put_quoted(out, path);
	buf_puts(out, script);
	free(path);
}

/* Where the line "MARK word" begins, and what is behind it; NULL: nowhere. */
static char *find_line(struct bytes in, const char *mark, const char *word,
		       size_t *ret_length)
{
	char line[REMOTE_MARK + 16];
	int n = snprintf(line, sizeof(line), "\n%s %s\n", mark, word);

	*ret_length = (size_t)n;
	return in.n ? memmem(in.p, in.n, line, (size_t)n) : NULL;
}

static bool take(struct buf *in, const char *mark, const char *word,
		 struct buf *ret_text)
{
	size_t n, n_end;
	char *p = find_line(buf_bytes(in), mark, word, &n), *end;
	struct bytes rest;

	if (!p)
		return false;
	p += n;
	/* The newline before the second line may be that behind the first. */
	rest = bytes_of(p - 1, in->n - (size_t)(p - 1 - in->p));
	end = find_line(rest, mark, "end", &n_end);
	if (!end)
		return false;
	buf_clear(ret_text);
	if (end > p)
		buf_put(ret_text, p, (size_t)(end - p));
	buf_shift(in, (size_t)(end + n_end - in->p));
	return true;
}

enum remote_says remote_answer(struct buf *in, const char *mark,
			       struct buf *ret_text)
{
	size_t n;
	char *file = find_line(buf_bytes(in), mark, "file", &n);
	char *none = find_line(buf_bytes(in), mark, "none", &n);

	if (file && (!none || file < none))
		return take(in, mark, "file", ret_text) ? REMOTE_FILE
							: REMOTE_NOTHING;
	return none && take(in, mark, "none", ret_text) ? REMOTE_NONE
							: REMOTE_NOTHING;
}
