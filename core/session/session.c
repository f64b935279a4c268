#include "session/session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "session/channel.h"

#define ANSWER_MAX (1u << 20)
#define REQUEST_MAX 65536 /* what an agent takes */
#define OPEN_MS 5000	  /* for ssh to be up */
#define SILENT_MS 3000
#define GREET_MS 2000
#define MARGIN_MS 200 /* the agent's word is to come before we stop listening */

struct session {
	char *name, *address;
	bool aside;
	pthread_mutex_t lock;
	struct dro_channel channel;
	unsigned last_id;
	uint64_t heard_ms; /* when it answered last */
	struct session *next;
};

struct dro_sessions {
	pthread_mutex_t lock; /* of the list; its members only come */
	struct session *first;
	struct dro_redactor *redactor;
};

int dro_sessions_new(
	struct dro_sessions **out, struct dro_redactor *redactor, struct dro_error *err)
{
	struct dro_sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&sessions->lock, NULL);
	sessions->redactor = redactor;
	*out = sessions;
	return 0;
}

static void session_free(struct session *session)
{
	dro_channel_close(&session->channel);
	dro_buf_free(&session->channel.in);
	pthread_mutex_destroy(&session->lock);
	free(session->name);
	free(session->address);
	free(session);
}

void dro_sessions_free(struct dro_sessions *sessions)
{
	struct session *session, *next;

	if (!sessions)
		return;
	for (session = sessions->first; session; session = next) {
		next = session->next;
		session_free(session);
	}
	pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

static struct session *session_new(const struct dro_session_host *host)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->channel = (struct dro_channel)DRO_CHANNEL_INIT;
	pthread_mutex_init(&session->lock, NULL);
	session->name = strdup(host->name);
	session->address = strdup(host->address);
	session->aside = host->aside;
	if (session->name && session->address)
		return session;
	session_free(session);
	return NULL;
}

/* The host's session, made where there is none. */
static struct session *find(struct dro_sessions *sessions, const struct dro_session_host *host)
{
	struct session *session;

	pthread_mutex_lock(&sessions->lock);
	for (session = sessions->first; session; session = session->next)
		if (strcmp(session->name, host->name) == 0 &&
			strcmp(session->address, host->address) == 0 &&
			session->aside == host->aside)
			break;
	if (!session && (session = session_new(host))) {
		session->next = sessions->first;
		sessions->first = session;
	}
	pthread_mutex_unlock(&sessions->lock);
	return session;
}

/* ---- one question ---------------------------------------------------------------------------- */

/* The agent's codes by their names; one that is not known changed we know not what. */
static int code_of(const char *name)
{
	static const int codes[] = {DRO_EAGAIN, DRO_ETIMEDOUT, DRO_ESAFETY, DRO_ECONFLICT,
		DRO_EAUTH, DRO_EINVAL, DRO_EPROTO, DRO_EUNSUPPORTED, DRO_ENOTFOUND, DRO_EBUSY,
		DRO_ENOMEM, DRO_EIO, DRO_ECORRUPT};
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(dro_code_name(codes[i]), name) == 0)
			return codes[i];
	return DRO_ETIMEDOUT;
}

static int judge(cJSON **result, cJSON *answer, struct dro_error *err)
{
	const cJSON *error;
	int rc;

	if ((rc = dro_json_object(answer, "error", &error, err)) < 0)
		return rc;
	*result = cJSON_DetachItemFromObjectCaseSensitive(answer, error ? "facts" : "result");
	if (error)
		return dro_fail(err, code_of(dro_json_text(error, "code")), "%.400s",
			dro_json_text(error, "message"));
	return *result ? 0 : dro_fail(err, DRO_EPROTO, "the agent's answer has no result");
}

static int send_request(struct session *session, char id[16], const char *verb, cJSON *fields,
	uint64_t deadline_ms, struct dro_error *err)
{
	struct dro_buf line = DRO_BUF_INIT(REQUEST_MAX);
	uint64_t now = dro_now_ms();
	uint64_t left = deadline_ms > now + 2 * MARGIN_MS ? deadline_ms - now - MARGIN_MS
							  : (deadline_ms - now) / 2;
	int rc;

	snprintf(id, 16, "%u", ++session->last_id);
	cJSON_AddStringToObject(fields, "id", id);
	cJSON_AddStringToObject(fields, "verb", verb);
	cJSON_AddNumberToObject(fields, "deadline_ms", (double)(left > 0 ? left : 1));
	dro_json_print(&line, fields);
	dro_buf_puts(&line, "\n");
	if ((rc = dro_buf_check(&line, err)) == 0)
		rc = dro_channel_write(&session->channel, &line, deadline_ms, err);
	dro_buf_free(&line);
	return rc;
}

/* The answer to `id`: those to questions that were given up may come before it. */
static int receive(cJSON **answer, struct session *session, const char *id, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct dro_buf line = DRO_BUF_INIT(ANSWER_MAX);
	cJSON *json = NULL;
	int rc;

	for (;;) {
		dro_buf_reset(&line);
		if ((rc = dro_channel_read(&session->channel, &line, deadline_ms, err)) < 0 ||
			(rc = dro_json_parse(
				 &json, dro_buf_str(&line), line.length, ANSWER_MAX, err)) < 0)
			break;
		if (strcmp(dro_json_text(json, "id"), id) == 0)
			break;
		cJSON_Delete(json);
		json = NULL;
	}
	dro_buf_free(&line);
	*answer = json;
	return rc;
}

/* *asked: the request may have reached the agent, and was not answered. */
static int converse(cJSON **result, struct session *session, const char *verb, cJSON *fields,
	bool *asked, uint64_t deadline_ms, struct dro_error *err)
{
	cJSON *answer = NULL;
	char id[16];
	int rc;

	*asked = true;
	if ((rc = send_request(session, id, verb, fields, deadline_ms, err)) < 0 ||
		(rc = receive(&answer, session, id, deadline_ms, err)) < 0)
		return rc;
	*asked = false;
	session->heard_ms = dro_now_ms();
	rc = judge(result, answer, err);
	cJSON_Delete(answer);
	return rc;
}

/* ---- opening --------------------------------------------------------------------------------- */

static int check_who(const cJSON *hello, const struct dro_session_host *host, struct dro_error *err)
{
	const char *service = dro_json_text(hello, "service"), *site = dro_json_text(hello, "site");

	if (strcmp(service, host->service) != 0 || (*host->site && strcmp(site, host->site) != 0))
		return dro_fail(err, DRO_ECONFLICT,
			"its agent says that it is %.100s of %.100s, not %s of %s", site, service,
			host->site, host->service);
	return 0;
}

/* What ssh said tells more than that it has ended. */
static int not_open(struct session *session, int rc, struct dro_error *err)
{
	char said[400];

	dro_channel_said(&session->channel, said, sizeof(said));
	dro_channel_close(&session->channel);
	if (rc == DRO_ECONFLICT || rc == DRO_EAUTH || rc == DRO_EINVAL || rc == DRO_ENOMEM)
		return rc;
	if (strstr(said, "Permission denied") || strstr(said, "verification failed") ||
		strstr(said, "HOST IDENTIFICATION"))
		return dro_fail(err, DRO_EAUTH, "%.300s", said);
	return *said ? dro_fail(err, DRO_EAGAIN, "%.300s", said)
		     : dro_fail(err, DRO_EAGAIN, "ssh: no answer");
}

/* Nothing is changed by it: a session that does not come about was not asked for anything. */
static int open_session(struct dro_sessions *sessions, struct session *session,
	const struct dro_session_host *host, uint64_t deadline_ms, struct dro_error *err)
{
	uint64_t soon = dro_now_ms() + OPEN_MS;
	cJSON *hello = NULL, *fields = cJSON_CreateObject();
	bool asked;
	int rc;

	if (!fields)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	soon = soon < deadline_ms ? soon : deadline_ms;
	if ((rc = dro_channel_open(&session->channel, host, sessions->redactor, soon, err)) == 0 &&
		(rc = converse(&hello, session, "hello", fields, &asked, soon, err)) == 0)
		rc = check_who(hello, host, err);
	cJSON_Delete(hello);
	cJSON_Delete(fields);
	return rc < 0 ? not_open(session, rc, err) : 0;
}

/*
 * A session that was silent for a while may be dead and not know it, and what a host that was
 * frozen hears late opens nothing there: so it is greeted first. One that says nothing is opened
 * anew.
 */
static void greet(struct session *session, uint64_t deadline_ms)
{
	uint64_t soon = dro_now_ms() + GREET_MS;
	cJSON *hello = NULL, *fields;
	bool asked;

	if (!dro_channel_alive(&session->channel) || dro_now_ms() - session->heard_ms < SILENT_MS ||
		!(fields = cJSON_CreateObject()))
		return;
	if (converse(&hello, session, "hello", fields, &asked,
		    soon < deadline_ms ? soon : deadline_ms, NULL) < 0)
		dro_channel_close(&session->channel);
	cJSON_Delete(hello);
	cJSON_Delete(fields);
}

static int lock(struct session *session, uint64_t deadline_ms, struct dro_error *err)
{
	struct timespec until = {
		(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000) * 1000000};

	if (pthread_mutex_clocklock(&session->lock, CLOCK_MONOTONIC, &until) != 0)
		return dro_fail(err, DRO_EAGAIN, "another verb is under way");
	return 0;
}

int dro_session_ask(cJSON **result, struct dro_sessions *sessions,
	const struct dro_session_host *host, const char *verb, cJSON *fields, uint64_t deadline_ms,
	struct dro_error *err)
{
	struct session *session = find(sessions, host);
	bool asked = false;
	int rc;

	*result = NULL;
	if (!fields)
		fields = cJSON_CreateObject();
	if (!session || !fields) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	if ((rc = lock(session, deadline_ms, err)) < 0)
		goto out;
	greet(session, deadline_ms);
	if (!dro_channel_alive(&session->channel))
		rc = open_session(sessions, session, host, deadline_ms, err);
	if (rc == 0)
		rc = converse(result, session, verb, fields, &asked, deadline_ms, err);
	/* What was asked in vain may still be answered, or done: the next one begins anew. */
	if (asked) {
		char said[300];

		dro_channel_said(&session->channel, said, sizeof(said));
		rc = dro_fail(err, DRO_ETIMEDOUT, "what became of %s is not known: %s", verb,
			*said ? said : "no answer");
		dro_channel_close(&session->channel);
	}
	pthread_mutex_unlock(&session->lock);
out:
	cJSON_Delete(fields);
	return rc < 0 ? dro_error_context(err, "%s (%s)", host->name, host->address) : 0;
}
