#include "agent/request.h"

#include <string.h>

#include "spec/fields.h"

#define POSITION_MAX 1000

#define CHANGE .needs = AGENT_EPOCH, .takes = AGENT_EPOCH

const struct agent_verb agent_verbs[] = {{"hello", .takes = AGENT_EPOCH},
	{"status", .takes = AGENT_EPOCH}, {"position"}, {"check"},
	{"wait", .takes = AGENT_POSITION, .needs = AGENT_POSITION}, {"freeze", CHANGE},
	{"fence", CHANGE}, {"thaw", .takes = AGENT_EPOCH | AGENT_UNFENCE, .needs = AGENT_EPOCH},
	{"promote", .takes = AGENT_EPOCH | AGENT_POSITION | AGENT_SEMI_SYNC, .needs = AGENT_EPOCH},
	{"follow", .takes = AGENT_EPOCH | AGENT_HOST, .needs = AGENT_EPOCH | AGENT_HOST},
	{"withdraw", CHANGE},
	{"rejoin", .takes = AGENT_EPOCH | AGENT_HOST | AGENT_ALLOW | AGENT_LONG,
		.needs = AGENT_EPOCH | AGENT_HOST},
	{"sync-files", .takes = AGENT_EPOCH, .needs = AGENT_EPOCH}, {NULL}};

static const struct {
	const char *name;
	unsigned field; /* 0: every verb's */
} keys[] = {{"id", 0}, {"verb", 0}, {"deadline_ms", 0}, {"epoch", AGENT_EPOCH},
	{"position", AGENT_POSITION}, {"host", AGENT_HOST}, {"port", AGENT_HOST},
	{"semi_sync", AGENT_SEMI_SYNC}, {"unfence", AGENT_UNFENCE}, {"allow", AGENT_ALLOW}};

static const char *const ways[] = {
	[AGENT_FOLLOW] = "follow", [AGENT_FLASHBACK] = "flashback", [AGENT_RESEED] = "reseed"};

const char *agent_way_name(enum agent_way way)
{
	return ways[way];
}

static int check_keys(const struct agent_request *request, struct dro_error *err)
{
	const cJSON *member;

	cJSON_ArrayForEach(member, request->json)
	{
		size_t i, known = sizeof(keys) / sizeof(keys[0]);

		for (i = 0; i < known && strcmp(keys[i].name, member->string) != 0; i++)
			;
		if (i == known)
			return dro_fail(err, DRO_EINVAL, "unknown field \"%.64s\"", member->string);
		if (keys[i].field && !(request->verb->takes & keys[i].field))
			return dro_fail(err, DRO_EINVAL, "%s takes no \"%s\"", request->verb->name,
				keys[i].name);
	}
	return 0;
}

/* "0-1-42", more of them after commas: domain, server, number. */
static bool is_position(const char *text)
{
	int numbers = 0;

	if (strlen(text) > POSITION_MAX)
		return false;
	for (;;) {
		size_t digits = strspn(text, "0123456789");

		if (!digits || digits > 20)
			return false;
		numbers++;
		text += digits;
		if (*text == '-' && numbers < 3) {
			text++;
		} else if (numbers == 3 && *text == ',') {
			numbers = 0;
			text++;
		} else {
			return numbers == 3 && !*text;
		}
	}
}

/* Absent is its least value where the verb does not need it. */
static int read_int(const struct agent_request *request, const char *key, unsigned field,
	int64_t max, int64_t fallback, int64_t *out, struct dro_error *err)
{
	int rc = request->verb->needs & field
			 ? dro_json_int_need(request->json, key, out, err)
			 : dro_json_int(request->json, key, fallback, out, err);

	if (rc == 0 && (*out > max || (*out < 1 && *out != fallback)))
		rc = dro_fail(err, DRO_EINVAL, "\"%s\" must be 1 to %lld", key, (long long)max);
	return rc;
}

static int read_allow(struct agent_request *out, struct dro_error *err)
{
	const char *word;
	int rc = dro_json_string(out->json, "allow", ways[AGENT_FOLLOW], &word, err);
	size_t i;

	if (rc < 0)
		return rc;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(word, ways[i]) != 0)
			continue;
		out->ask.allow = (enum agent_way)i;
		return 0;
	}
	return dro_fail(err, DRO_EINVAL, "\"allow\" is follow, flashback or reseed");
}

static int read_fields(struct agent_request *out, struct dro_error *err)
{
	int64_t port = 0;
	int64_t most = out->verb->takes & AGENT_LONG ? AGENT_REQUEST_LONG_MS : AGENT_REQUEST_MAX_MS;
	int rc;

	out->ask.position = out->ask.host = "";
	if ((rc = read_int(out, "deadline_ms", 0, most, AGENT_REQUEST_MS, &out->deadline_ms, err)) <
			0 ||
		(rc = read_int(out, "epoch", AGENT_EPOCH, INT64_MAX, 0, &out->epoch, err)) < 0 ||
		(rc = read_int(out, "port", AGENT_HOST, 65535, 0, &port, err)) < 0 ||
		(rc = dro_json_string(out->json, "position", "", &out->ask.position, err)) < 0 ||
		(rc = dro_json_string(out->json, "host", "", &out->ask.host, err)) < 0 ||
		(rc = dro_json_bool(out->json, "semi_sync", false, &out->ask.semi_sync, err)) < 0 ||
		(rc = dro_json_bool(out->json, "unfence", false, &out->unfence, err)) < 0 ||
		(rc = read_allow(out, err)) < 0)
		return rc;
	out->ask.port = (int)port;
	if ((out->verb->needs & AGENT_EPOCH && !out->epoch) ||
		(out->verb->needs & AGENT_HOST && !port))
		return dro_fail(err, DRO_EINVAL, "epoch and port begin at 1");
	if (out->verb->needs & AGENT_HOST && !dro_format_host.check(out->ask.host))
		return dro_fail(err, DRO_EINVAL, "\"host\" is no host name or address");
	if ((*out->ask.position || out->verb->needs & AGENT_POSITION) &&
		!is_position(out->ask.position))
		return dro_fail(err, DRO_EINVAL, "\"position\" is no GTID position, as 0-1-42 is");
	return 0;
}

int agent_request_parse(
	struct agent_request *out, const char *line, size_t length, struct dro_error *err)
{
	const struct agent_verb *verb = agent_verbs;
	const char *id, *name;
	int rc;

	*out = (struct agent_request){.id = ""};
	if ((rc = dro_json_parse(&out->json, line, length, AGENT_REQUEST_MAX, err)) < 0)
		return rc;
	if (!cJSON_IsObject(out->json))
		return dro_fail(err, DRO_EPROTO, "a request is a JSON object");
	if ((rc = dro_json_string_need(out->json, "id", &id, err)) < 0)
		goto out;
	if (!*id || strlen(id) > AGENT_ID_MAX) {
		rc = dro_fail(err, DRO_EINVAL, "\"id\" must have 1 to %d bytes", AGENT_ID_MAX);
		goto out;
	}
	out->id = id;
	if ((rc = dro_json_string_need(out->json, "verb", &name, err)) < 0)
		goto out;
	while (verb->name && strcmp(verb->name, name) != 0)
		verb++;
	if (!verb->name) {
		rc = dro_fail(err, DRO_EINVAL, "unknown verb \"%.32s\"", name);
		goto out;
	}
	out->verb = verb;
	if ((rc = check_keys(out, err)) == 0)
		rc = read_fields(out, err);
out:
	/* The document is well; what it says is not. */
	if (rc == DRO_EPROTO)
		rc = err ? (err->code = DRO_EINVAL) : DRO_EINVAL;
	return rc;
}

void agent_request_fini(struct agent_request *request)
{
	cJSON_Delete(request->json);
	*request = (struct agent_request){.id = ""};
}
