#include "net/attempt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/response.h"

#define CONNECT_MAX_MS 10000
#define SMALL_BUFFER 16384L /* libcurl's least for an upload */
#define FILE_BUFFER 65536L  /* where a file is moved */

/* Why we ended a transfer ourselves. */
enum broken { NOT_BROKEN, TOO_LARGE, HEAD_TOO_LARGE, SINK_FAILED, SOURCE_FAILED, RESENT };

struct attempt {
	const struct dro_http_request *request;
	struct dro_incoming incoming;
	uint64_t read;	 /* how far the request's body was read */
	uint64_t sunk;	 /* what went to sink_fd */
	unsigned starts; /* how often libcurl was about to send */
	enum broken broken;
	int broken_errno;
	char text[CURL_ERROR_SIZE];
};

static bool is_safe(const struct attempt *attempt)
{
	return attempt->request->flags & DRO_HTTP_SAFE;
}

/* ---- callbacks, on the multi thread ---------------------------------------------------------- */

/*
 * libcurl sends a request again by itself where a pooled connection dies before the first byte of
 * the answer. The server may have acted on it all the same: only a safe request may go twice.
 */
static int on_start(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct attempt *attempt = arg;

	(void)ip, (void)local_ip, (void)port, (void)local_port;
	if (attempt->starts++ > 0 && !is_safe(attempt)) {
		attempt->broken = RESENT;
		return CURL_PREREQFUNC_ABORT;
	}
	return CURL_PREREQFUNC_OK;
}

static size_t on_header(char *line, size_t one, size_t length, void *arg)
{
	struct attempt *attempt = arg;

	(void)one;
	if (dro_incoming_line(&attempt->incoming, line, length))
		return length;
	attempt->broken = HEAD_TOO_LARGE;
	return 0;
}

static uint64_t sink_max(const struct attempt *attempt)
{
	return attempt->request->response_max ? attempt->request->response_max : DRO_RESPONSE_MAX;
}

static size_t sink(struct attempt *attempt, const char *data, size_t length)
{
	size_t done = 0;

	if (length > sink_max(attempt) - attempt->sunk) {
		attempt->broken = TOO_LARGE;
		return 0;
	}
	while (done < length) {
		ssize_t put = pwrite(attempt->request->sink_fd, data + done, length - done,
			(off_t)(attempt->sunk + done));

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0) {
			attempt->broken = SINK_FAILED;
			attempt->broken_errno = put < 0 ? errno : EIO;
			return 0;
		}
		done += (size_t)put;
	}
	attempt->sunk += length;
	return length;
}

static size_t on_body(char *data, size_t one, size_t length, void *arg)
{
	struct attempt *attempt = arg;
	struct dro_buf *body = &attempt->incoming.body;

	(void)one;
	if (attempt->request->sink_fd >= 0 && attempt->incoming.status / 100 == 2)
		return sink(attempt, data, length);
	dro_buf_append(body, data, length);
	if (!body->failed)
		return length;
	attempt->broken = body->failed == DRO_ENOMEM ? NOT_BROKEN : TOO_LARGE;
	return 0;
}

static size_t on_read(char *data, size_t one, size_t room, void *arg)
{
	struct attempt *attempt = arg;
	const struct dro_http_request *request = attempt->request;
	uint64_t left = request->body_length - attempt->read;
	size_t want = left < one * room ? (size_t)left : one * room;
	ssize_t got;

	if (want == 0)
		return 0;
	if (request->body_fd < 0) {
		memcpy(data, (const char *)request->body + attempt->read, want);
		attempt->read += want;
		return want;
	}
	do
		got = pread(request->body_fd, data, want,
			(off_t)(request->body_offset + attempt->read));
	while (got < 0 && errno == EINTR);
	if (got <= 0) {
		attempt->broken = SOURCE_FAILED;
		attempt->broken_errno = got < 0 ? errno : 0;
		return CURL_READFUNC_ABORT;
	}
	attempt->read += (uint64_t)got;
	return (size_t)got;
}

static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct attempt *attempt = arg;

	if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > attempt->request->body_length)
		return CURL_SEEKFUNC_FAIL;
	attempt->read = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- options -----------------------------------------------------------------------------------
 */

static CURLcode set_policy(
	const struct dro_curl *curl, CURL *easy, const struct dro_attempt_plan *plan)
{
	const char *agent = plan->context->user_agent;
	CURLcode rc = CURLE_OK;

	rc |= curl->easy_setopt(easy, CURLOPT_URL, plan->url);
	rc |= curl->easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	rc |= curl->easy_setopt(
		easy, CURLOPT_PROTOCOLS_STR, plan->endpoint.https ? "https" : "http");
	rc |= curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	rc |= curl->easy_setopt(easy, CURLOPT_PROXY, "");
	rc |= curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* A name server that is silent must not hold up the thread that all share. */
	rc |= curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	rc |= curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	rc |= curl->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	rc |= curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	rc |= curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	rc |= curl->easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	rc |= curl->easy_setopt(easy, CURLOPT_USERAGENT, agent ? agent : "drorch/" DRORCH_VERSION);
	if (plan->ca_file || plan->ca_dir) {
		rc |= curl->easy_setopt(easy, CURLOPT_CAINFO, plan->ca_file);
		rc |= curl->easy_setopt(easy, CURLOPT_CAPATH, plan->ca_dir);
	}
	return rc;
}

static CURLcode set_limits(const struct dro_curl *curl, CURL *easy,
	const struct dro_http_request *request, uint64_t left_ms)
{
	long ms = left_ms > 86400000 ? 86400000L : (long)left_ms;
	CURLcode rc = CURLE_OK;

	rc |= curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, ms);
	rc |= curl->easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS, ms < CONNECT_MAX_MS ? ms : (long)CONNECT_MAX_MS);
	rc |= curl->easy_setopt(
		easy, CURLOPT_BUFFERSIZE, request->sink_fd >= 0 ? FILE_BUFFER : SMALL_BUFFER);
	rc |= curl->easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
		request->body_fd >= 0 ? FILE_BUFFER : SMALL_BUFFER);
	return rc;
}

static CURLcode set_method(
	const struct dro_curl *curl, CURL *easy, const struct dro_http_request *request)
{
	const char *method = request->method;
	bool upload = request->body_length > 0 || strcmp(method, "POST") == 0 ||
		      strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0;
	CURLcode rc = CURLE_OK;

	if (upload) {
		rc |= curl->easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		rc |= curl->easy_setopt(
			easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)request->body_length);
	} else if (strcmp(method, "HEAD") == 0) {
		return curl->easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else {
		rc |= curl->easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	rc |= curl->easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
	return rc;
}

static CURLcode set_callbacks(const struct dro_curl *curl, CURL *easy, struct attempt *attempt)
{
	CURLcode rc = CURLE_OK;

	rc |= curl->easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_start);
	rc |= curl->easy_setopt(easy, CURLOPT_PREREQDATA, (void *)attempt);
	rc |= curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	rc |= curl->easy_setopt(easy, CURLOPT_HEADERDATA, (void *)attempt);
	rc |= curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	rc |= curl->easy_setopt(easy, CURLOPT_WRITEDATA, (void *)attempt);
	rc |= curl->easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
	rc |= curl->easy_setopt(easy, CURLOPT_READDATA, (void *)attempt);
	rc |= curl->easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
	rc |= curl->easy_setopt(easy, CURLOPT_SEEKDATA, (void *)attempt);
	rc |= curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, attempt->text);
	return rc;
}

/* ---- lists -------------------------------------------------------------------------------------
 */

static int push(const struct dro_curl *curl, struct curl_slist **list, const char *line)
{
	struct curl_slist *grown = curl->slist_append(*list, line);

	if (!grown)
		return DRO_ENOMEM;
	*list = grown;
	return 0;
}

/* libcurl's spelling: "Name;" is a header with an empty value, "Name:" takes one out. */
static int list_headers(
	const struct dro_curl *curl, struct curl_slist **list, const struct dro_headers *headers)
{
	int rc = push(curl, list, "Expect:");
	size_t i;

	for (i = 0; i < headers->count && rc == 0; i++) {
		const struct dro_pair *header = &headers->at[i];
		struct dro_buf line = DRO_BUF_INIT(65536);

		if (*header->value)
			dro_buf_printf(&line, "%s: %s", header->name, header->value);
		else
			dro_buf_printf(&line, "%s;", header->name);
		rc = line.failed ? DRO_ENOMEM : push(curl, list, line.data);
		if (line.data)
			explicit_bzero(line.data, line.capacity);
		dro_buf_free(&line);
	}
	return rc;
}

static void free_list(const struct dro_curl *curl, struct curl_slist *list)
{
	struct curl_slist *entry;

	for (entry = list; entry; entry = entry->next)
		explicit_bzero(entry->data, strlen(entry->data));
	curl->slist_free_all(list);
}

/* ---- what came of it ---------------------------------------------------------------------------
 */

/* Failures that another attempt may not meet. */
static bool is_transient(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return true;
	default:
		return false;
	}
}

/* The code for a request that may go again, or of which nothing went out; fills the message. */
static int explain(const struct attempt *attempt, const struct dro_curl *curl, CURLcode code,
	bool *transient, struct dro_error *err)
{
	uint64_t max = attempt->incoming.status / 100 == 2 ? sink_max(attempt)
							   : attempt->incoming.body.max;

	switch (attempt->broken) {
	case TOO_LARGE:
		return dro_fail(err, DRO_EPROTO, "an answer of more than %llu bytes",
			(unsigned long long)max);
	case HEAD_TOO_LARGE:
		return dro_fail(err, DRO_EPROTO, "an answer with too many or too large headers");
	case SINK_FAILED:
		return dro_fail(err, DRO_EIO, "the answer cannot be written: %s",
			strerror(attempt->broken_errno));
	case SOURCE_FAILED:
		return dro_fail(err, DRO_EIO, "the body cannot be read: %s",
			attempt->broken_errno ? strerror(attempt->broken_errno)
					      : "the file ends early");
	case RESENT:
		return dro_fail(err, DRO_EAGAIN, "the connection was lost before an answer");
	case NOT_BROKEN:
		break;
	}
	if (code == CURLE_OUT_OF_MEMORY || attempt->incoming.body.failed)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	*transient = is_transient(code);
	return dro_fail(err,
		code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL ? DRO_EPROTO
										       : DRO_EAGAIN,
		"%s", *attempt->text ? attempt->text : curl->easy_strerror(code));
}

static int conclude(struct attempt *attempt, const struct dro_curl *curl, CURL *easy, CURLcode code,
	struct dro_http_response **out, bool *transient, struct dro_error *err)
{
	long sent = 0;
	int rc;

	if (code == CURLE_OK && attempt->incoming.status >= 200) {
		rc = dro_incoming_finish(&attempt->incoming, attempt->sunk, out, err);
		if (rc == 0)
			return 0;
	} else {
		rc = explain(attempt, curl, code, transient, err);
	}
	curl->easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent);
	if (!is_safe(attempt) && attempt->starts > 0 && sent > 0) {
		err->code = rc = DRO_ETIMEDOUT;
		dro_error_context(err, "sent, but the outcome is unknown");
	}
	err->http_status = attempt->incoming.status;
	return rc;
}

static int send_once(struct attempt *attempt, const struct dro_attempt_plan *plan,
	const struct dro_curl *curl, struct dro_multi *multi, CURL *easy,
	const struct dro_headers *headers, struct dro_http_response **out, bool *transient,
	struct dro_error *err)
{
	const struct dro_http_request *request = plan->request;
	struct curl_slist *lines = NULL, *connect_to = NULL;
	uint64_t now = dro_now_ms();
	CURLcode code;
	int rc;

	if (now >= request->deadline_ms)
		return dro_fail(err, DRO_EAGAIN, "no time is left to send it");
	if ((rc = list_headers(curl, &lines, headers)) < 0 ||
		(*plan->connect_to && (rc = push(curl, &connect_to, plan->connect_to)) < 0)) {
		rc = dro_fail(err, rc, "out of memory");
		goto out;
	}
	code = set_policy(curl, easy, plan) |
	       set_limits(curl, easy, request, request->deadline_ms - now) |
	       set_method(curl, easy, request) | set_callbacks(curl, easy, attempt) |
	       curl->easy_setopt(easy, CURLOPT_HTTPHEADER, lines) |
	       curl->easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to);
	if (code != CURLE_OK) {
		rc = dro_fail(err, DRO_EUNSUPPORTED, "this libcurl lacks an option");
		goto out;
	}
	code = dro_multi_run(multi, easy);
	rc = conclude(attempt, curl, easy, code, out, transient, err);
out:
	free_list(curl, lines);
	curl->slist_free_all(connect_to);
	return rc;
}

int dro_attempt(const struct dro_attempt_plan *plan, const struct dro_curl *curl,
	struct dro_multi *multi, struct dro_http_response **out, bool *transient,
	struct dro_error *err)
{
	struct attempt attempt = {.request = plan->request};
	struct dro_headers headers = {.count = 0};
	CURL *easy = curl->easy_init();
	int rc;

	*transient = false;
	dro_incoming_init(&attempt.incoming);
	if (plan->request->response_max && plan->request->sink_fd < 0)
		attempt.incoming.body.max = (size_t)plan->request->response_max;
	if (!easy) {
		rc = dro_fail(err, DRO_ENOMEM, "out of memory");
		goto out;
	}
	rc = dro_headers_build(&headers, plan->request, plan->context, &plan->endpoint,
		plan->wire_path, plan->payload_hash, err);
	if (rc == 0)
		rc = send_once(&attempt, plan, curl, multi, easy, &headers, out, transient, err);
out:
	dro_headers_free(&headers);
	if (easy)
		curl->easy_cleanup(easy);
	dro_incoming_free(&attempt.incoming);
	return rc;
}
