#include "base/base.h"
#include "environment.h"

__attribute__((format(printf, 2, 3))) static void
put(struct environment *env, const char *format, ...)
{
	struct buf b = BUF_INIT;
	va_list args;

	assert(env->n + 1 < ARRAY_SIZE(env->of));
	va_start(args, format);
	buf_vprintf(&b, format, args);
	va_end(args);
	env->of[env->n++] = buf_take(&b);
}

static void put_file(struct environment *env, const struct config *k)
{
	char *dir = xasprintf("%s/security", k->dir);
	char *path = connfile_path(dir, k->cluster_id, CONNFILE_ENGINE);

	put(env, "TASKFS_ENGINE_FILE=%s", path);
	free(path);
	free(dir);
}

/* The program beside our own; or the one in PATH. */
static void put_program(struct environment *env)
{
	char self[PATH_MAX], *path = NULL;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash = n > 0 ? memrchr(self, '/', (size_t)n) : NULL;

	if (slash)
		path = xasprintf("%.*s/taskfs-engine", (int)(slash - self), self);
	put(env, "TASKFS_ENGINE_PROGRAM=%s",
	    path && access(path, X_OK) == 0 ? path : "taskfs-engine");
	free(path);
}

void environment_make(struct environment *env, const struct launch *l)
{
	const struct config *k = &l->pool->c->config;
	uint64_t lifetime = pool_number(l->pool, "lifetime");

	*env = (struct environment){.n = 0};
	put(env, "TASKFS_POOL=%s", l->pool->name);
	put(env, "TASKFS_LAUNCH=%s", l->token);
	put(env, "TASKFS_COUNT=%llu", (unsigned long long)l->count);
	put(env, "TASKFS_CLUSTER_DIR=%s", k->dir);
	put_file(env, k);
	put_program(env);
	if (lifetime)
		put(env, "TASKFS_LIFETIME=%llu",
		    (unsigned long long)max_u64(lifetime / USEC_PER_SEC, 1));
	if (l->job)
		put(env, "TASKFS_JOB=%s", l->job);
}

void environment_done(struct environment *env)
{
	while (env->n)
		free(env->of[--env->n]);
}
