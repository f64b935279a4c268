#include "repo/git.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"

#define REQUEST_MAX (64u << 10)
#define HEADER_MAX (8u << 20)
#define MEMORY_MAX ((rlim_t)1 << 30) /* a pack that unfolds without end stops here */
#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"

#ifdef DRORCH_SANITIZED
/* libgit2 1.5 never frees what it matched a URL with. */
const char *__lsan_default_suppressions(void);
DRO_EXPORT const char *__lsan_default_suppressions(void)
{
	return "leak:libpcre2\n";
}
#endif

static int classify(int git_code, const git_error *last)
{
	const char *message = last ? last->message : "";

	switch (git_code) {
	case GIT_EAUTH:
	case GIT_ECERTIFICATE:
		return DRO_EAUTH;
	case GIT_ENOTFOUND:
		return DRO_ENOTFOUND;
	case GIT_ELOCKED:
		return DRO_EAGAIN;
	case GIT_EUSER:
		return DRO_EINVAL;
	default:
		break;
	}
	switch (last ? last->klass : GIT_ERROR_NONE) {
	case GIT_ERROR_NOMEMORY:
		return DRO_ENOMEM;
	case GIT_ERROR_HTTP:
	case GIT_ERROR_NET:
	case GIT_ERROR_SSL:
	case GIT_ERROR_SSH:
		if (strstr(message, "status code: 404"))
			return DRO_ENOTFOUND;
		if (strstr(message, "redirect"))
			return DRO_EPROTO;
		if (strstr(message, "status code: 401") || strstr(message, "status code: 403"))
			return DRO_EAUTH;
		return DRO_EAGAIN;
	case GIT_ERROR_ODB:
	case GIT_ERROR_ZLIB:
	case GIT_ERROR_INDEXER:
	case GIT_ERROR_OBJECT:
	case GIT_ERROR_TREE:
	case GIT_ERROR_SHA:
	case GIT_ERROR_INVALID:
		return DRO_ECORRUPT;
	default:
		return DRO_EIO;
	}
}

int git_fail(struct dro_error *err, int git_code, const char *format, ...)
{
	const git_error *last = git_error_last();
	int code = classify(git_code, last);
	va_list args;

	dro_fail(err, code, "%s", last ? last->message : "no reason given");
	va_start(args, format);
	{
		char context[512];

		vsnprintf(context, sizeof(context), format, args);
		dro_error_context(err, "%s", context);
	}
	va_end(args);
	return code;
}

/* Does the history of `commit` hold `last_good`? */
static int check_history(git_repository *repo, const struct git_request *request,
	const git_oid *commit, struct dro_error *err)
{
	char id[GIT_OID_HEXSZ + 1];
	git_oid good;
	int rc;

	if (!*request->last_good || request->allow_rewind)
		return 0;
	if (strlen(request->last_good) != GIT_OID_HEXSZ ||
		git_oid_fromstr(&good, request->last_good) < 0)
		return dro_fail(err, DRO_EINVAL, "\"%s\" is not a commit id", request->last_good);
	if (git_oid_equal(&good, commit))
		return 0;
	rc = git_graph_descendant_of(repo, commit, &good);
	if (rc == 1)
		return 0;
	if (rc < 0 && rc != GIT_ENOTFOUND)
		return git_fail(err, rc, "history");
	git_oid_tostr(id, sizeof(id), commit);
	return dro_fail(err, DRO_ESAFETY,
		"history was rewound: commit %s of \"%s\" does not contain %s, the last good one",
		id, request->branch, request->last_good);
}

static int run_sync(
	const struct git_request *request, char id[GIT_OID_HEXSZ + 1], struct dro_error *err)
{
	git_repository *repo = NULL;
	git_oid commit;
	int lock = -1, rc;

	if ((rc = git_mirror_lock(&repo, &lock, request->mirror, err)) < 0)
		goto out;
	if ((rc = git_fetch(repo, request, &commit, err)) < 0) {
		dro_error_context(err, "%s", request->url);
		goto out;
	}
	if ((rc = check_history(repo, request, &commit, err)) < 0 ||
		(*request->allowed_signers && (rc = git_verify(repo, request, &commit, err)) < 0) ||
		(rc = git_mirror_keep(repo, "good", &commit, err)) < 0)
		goto out;
	git_oid_tostr(id, GIT_OID_HEXSZ + 1, &commit);
out:
	git_repository_free(repo);
	if (lock >= 0)
		close(lock);
	return rc;
}

static int run_read(
	const struct git_request *request, struct dro_tree **tree, struct dro_error *err)
{
	git_repository *repo = NULL;
	int rc;

	if ((rc = git_mirror_open(&repo, request->mirror, err)) == 0)
		rc = git_read(repo, request, tree, err);
	git_repository_free(repo);
	return rc;
}

/* Nothing of this machine's git configuration takes part: not a proxy, not an `insteadOf`. */
static int setup_git(const char *url, struct dro_error *err)
{
	static const int levels[] = {GIT_CONFIG_LEVEL_PROGRAMDATA, GIT_CONFIG_LEVEL_SYSTEM,
		GIT_CONFIG_LEVEL_XDG, GIT_CONFIG_LEVEL_GLOBAL};
	const char *ca = getenv("SSL_CERT_FILE");
	size_t i;
	int rc;

	if ((rc = git_libgit2_init()) < 0)
		return git_fail(err, rc, "libgit2");
	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		git_libgit2_opts(GIT_OPT_SET_SEARCH_PATH, levels[i], "");
	/* It guards against commands in a stranger's configuration; none is ever run here. */
	git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, 0);
	git_libgit2_opts(GIT_OPT_ENABLE_FSYNC_GITDIR, 1);
	if (!ca)
		ca = CA_FILE;
	/* Only where they are needed: to read them takes milliseconds. */
	if (strncasecmp(url, "https:", 6) == 0 && access(ca, R_OK) == 0)
		git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, ca, NULL);
	if ((rc = git_ssh_register()) < 0)
		return git_fail(err, rc, "ssh");
	return 0;
}

/* Ends with who started us, in time, and with little memory, whatever is sent. */
static void setup_process(uint64_t deadline_ms)
{
	uint64_t now = dro_now_ms();

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
#ifndef DRORCH_SANITIZED /* a sanitizer maps terabytes */
	setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY_MAX, MEMORY_MAX});
#endif
	alarm(deadline_ms > now ? (unsigned)((deadline_ms - now) / 1000 + 2) : 1);
}

static int parse_request(
	cJSON **json, struct git_request *out, const struct dro_buf *text, struct dro_error *err)
{
	const struct {
		const char *key, **to;
	} strings[] = {{"verb", &out->verb}, {"url", &out->url}, {"branch", &out->branch},
		{"path", &out->path}, {"mirror", &out->mirror},
		{"allowed_signers", &out->allowed_signers}, {"token", &out->token},
		{"last_good", &out->last_good}, {"commit", &out->commit}};
	int64_t deadline_ms;
	size_t i;
	int rc;

	if ((rc = dro_json_parse(json, dro_buf_str(text), text->length, REQUEST_MAX, err)) < 0)
		return rc;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		if ((rc = dro_json_string(*json, strings[i].key, "", strings[i].to, err)) < 0)
			return rc;
	if ((rc = dro_json_bool(*json, "allow_rewind", false, &out->allow_rewind, err)) < 0 ||
		(rc = dro_json_bool(*json, "all", false, &out->all, err)) < 0 ||
		(rc = dro_json_int_need(*json, "deadline_ms", &deadline_ms, err)) < 0)
		return rc;
	out->deadline_ms = (uint64_t)deadline_ms;
	return 0;
}

static int write_error(const struct dro_error *why, struct dro_error *err)
{
	struct dro_buf line = DRO_BUF_INIT(REQUEST_MAX);
	int rc;

	dro_buf_printf(&line, "{\"code\":%d,\"message\":", (int)why->code);
	dro_json_quote(&line, why->message);
	dro_buf_puts(&line, "}\n");
	rc = dro_write_all(1, dro_buf_str(&line), line.length, err);
	dro_buf_free(&line);
	return rc;
}

static int write_commit(const char *id, struct dro_error *err)
{
	char line[128];
	int length = snprintf(line, sizeof(line), "{\"code\":0,\"commit\":\"%s\"}\n", id);

	return dro_write_all(1, line, (size_t)length, err);
}

static int write_tree(const struct dro_tree *tree, struct dro_error *err)
{
	struct dro_buf head = DRO_BUF_INIT(HEADER_MAX);
	size_t i;
	int rc;

	dro_buf_puts(&head, "{\"code\":0,\"files\":[");
	for (i = 0; i < tree->file_count; i++) {
		dro_buf_puts(&head, i ? ",{\"path\":" : "{\"path\":");
		dro_json_quote(&head, tree->files[i].path);
		dro_buf_printf(&head, ",\"length\":%zu}", tree->files[i].length);
	}
	dro_buf_puts(&head, "]}\n");
	if ((rc = dro_buf_check(&head, err)) == 0)
		rc = dro_write_all(1, dro_buf_str(&head), head.length, err);
	for (i = 0; rc == 0 && i < tree->file_count; i++)
		rc = dro_write_all(1, tree->files[i].data, tree->files[i].length, err);
	dro_buf_free(&head);
	return rc;
}

static int serve(const struct git_request *request, struct dro_error *err)
{
	char id[GIT_OID_HEXSZ + 1];
	struct dro_tree *tree = NULL;
	int rc;

	setup_process(request->deadline_ms);
	if ((rc = setup_git(request->url, err)) < 0)
		return rc;
	if (strcmp(request->verb, "sync") == 0) {
		if ((rc = run_sync(request, id, err)) == 0)
			rc = write_commit(id, err);
	} else if (strcmp(request->verb, "read") == 0) {
		if ((rc = run_read(request, &tree, err)) == 0)
			rc = write_tree(tree, err);
		dro_tree_free(tree);
	} else {
		rc = dro_fail(err, DRO_EINVAL, "unknown verb \"%s\"", request->verb);
	}
	git_libgit2_shutdown();
	return rc;
}

int main(void)
{
	struct dro_buf text = DRO_BUF_INIT(REQUEST_MAX);
	struct dro_error err = DRO_ERROR_INIT;
	struct git_request request = {0};
	cJSON *json = NULL;
	char chunk[4096];
	ssize_t got;
	int rc;

	while ((got = read(0, chunk, sizeof(chunk))) > 0)
		dro_buf_append(&text, chunk, (size_t)got);
	if ((rc = dro_buf_check(&text, &err)) == 0 &&
		(rc = parse_request(&json, &request, &text, &err)) == 0)
		rc = serve(&request, &err);
	if (rc < 0)
		rc = write_error(&err, NULL);
	cJSON_Delete(json);
	dro_buf_free(&text);
	return rc < 0 ? 1 : 0;
}
