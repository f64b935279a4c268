#include "agent/session.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "agent/heard.h"
#include "base/clock.h"
#include "base/file.h"

#define ANSWER_MAX (1u << 20)

/* ---- answers ------------------------------------------------------------------------------ */

static void print_error(struct dro_buf *out, const struct dro_error *err, struct agent_facts *facts)
{
	dro_buf_printf(out, "\"error\":{\"code\":\"%s\",\"message\":", dro_code_name(err->code));
	dro_json_quote(out, err->message);
	dro_buf_puts(out, "}");
	if (agent_facts_empty(facts))
		return;
	dro_buf_puts(out, ",\"facts\":");
	dro_json_print(out, facts->json);
}

static int answer(int fd, const char *id, int rc, struct agent_facts *facts,
	const struct dro_error *failure, struct dro_error *err)
{
	struct dro_buf text = DRO_BUF_INIT(ANSWER_MAX);

	dro_buf_puts(&text, "{\"id\":");
	if (*id)
		dro_json_quote(&text, id);
	else
		dro_buf_puts(&text, "null");
	dro_buf_puts(&text, ",");
	if (rc < 0) {
		print_error(&text, failure, facts);
	} else {
		dro_buf_puts(&text, "\"result\":");
		dro_json_print(&text, facts->json);
	}
	dro_buf_puts(&text, "}\n");
	if ((rc = dro_buf_check(&text, err)) == 0)
		rc = dro_write_all(fd, text.data, text.length, err);
	dro_buf_free(&text);
	return rc;
}

static int serve_line(struct agent_session *session, int out, const char *line, size_t length,
	struct dro_error *err)
{
	struct dro_error failure = DRO_ERROR_INIT;
	uint64_t begun = dro_now_ms();
	struct agent_request request;
	struct agent_facts facts;
	int rc;

	agent_facts_init(&facts);
	rc = agent_request_parse(&request, line, length, &failure);
	if (rc == 0)
		rc = agent_verb_run(
			session, &request, &facts, begun + (uint64_t)request.deadline_ms, &failure);
	if (rc == 0 && facts.failed)
		rc = dro_fail(&failure, DRO_ENOMEM, "out of memory");
	if (rc < 0)
		dro_log(session->log, DRO_LOG_WARNING, "%s: %s",
			request.verb ? request.verb->name : "request", failure.message);
	session->proven_ms = agent_boot_ms();
	rc = answer(out, request.id, rc, &facts, &failure, err);
	agent_request_fini(&request);
	agent_facts_fini(&facts);
	return rc;
}

static int refuse_long(struct agent_session *session, int out, struct dro_error *err)
{
	struct dro_error failure = DRO_ERROR_INIT;
	struct agent_facts facts = {0};
	int rc = dro_fail(&failure, DRO_EINVAL, "a line has at most %d bytes", AGENT_REQUEST_MAX);

	dro_log(session->log, DRO_LOG_WARNING, "%s", failure.message);
	return answer(out, "", rc, &facts, &failure, err);
}

/* ---- lines -------------------------------------------------------------------------------- */

struct lines {
	char data[AGENT_REQUEST_MAX + 1]; /* what is there of lines not yet served */
	size_t length;
	bool skipping; /* the rest of a line that was too long */
};

/* Serves every whole line that is there, and moves the rest to the front. */
static int serve_lines(
	struct agent_session *session, int out, struct lines *lines, struct dro_error *err)
{
	int64_t before = session->proven_ms;
	size_t from = 0;
	int rc = 0;

	while (rc == 0) {
		char *end = memchr(lines->data + from, '\n', lines->length - from);
		size_t length = end ? (size_t)(end - lines->data) - from : 0;

		if (!end)
			break;
		/* A line that came together with the one before it does not answer ours. */
		session->proven_ms = before;
		if (lines->skipping)
			lines->skipping = false;
		else
			rc = serve_line(session, out, lines->data + from, length, err);
		from += length + 1;
	}
	lines->length -= from;
	if (lines->length)
		session->proven_ms = before;
	memmove(lines->data, lines->data + from, lines->length);
	if (rc < 0 || lines->length < sizeof(lines->data))
		return rc;
	lines->length = 0;
	if (!lines->skipping)
		rc = refuse_long(session, out, err);
	lines->skipping = true;
	return rc;
}

int agent_session_open(struct agent_session *out, const struct agent_config *config,
	const struct dro_log *log, struct dro_error *err)
{
	*out = (struct agent_session){.config = config, .log = log, .proven_ms = agent_boot_ms()};
	if (!config->database.given)
		return 0;
	out->driver = agent_driver_find(config->database.kind);
	if (!out->driver)
		return dro_fail(
			err, DRO_EUNSUPPORTED, "no driver for %.64s", config->database.kind);
	return out->driver->open(&out->db, &config->database, err);
}

void agent_session_close(struct agent_session *session)
{
	if (session->driver)
		session->driver->close(session->db);
}

int agent_session(const struct agent_config *config, int in, int out, const struct dro_log *log,
	struct dro_error *err)
{
	struct lines lines = {.length = 0};
	struct agent_session session;
	int rc = agent_session_open(&session, config, log, err);

	while (rc == 0) {
		ssize_t got =
			read(in, lines.data + lines.length, sizeof(lines.data) - lines.length);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			rc = dro_fail_errno(err, "standard input");
		if (got <= 0)
			break;
		lines.length += (size_t)got;
		rc = serve_lines(&session, out, &lines, err);
	}
	/* A last line without its end is served as well: it is whole or it does not parse. */
	if (rc == 0 && lines.length && !lines.skipping)
		rc = serve_line(&session, out, lines.data, lines.length, err);
	agent_session_close(&session);
	return rc;
}
