/*
 * Probes the endpoints of health checks: one thread, and a libcurl that waits for all of them at
 * once. What the vendor's checkers do, without its many places to do it from.
 *   https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "lab/dns.h"
#include "lab/hub.h"
#include "lab/route53_health.h"
#include "net/curl.h"

#define TICK_MS 500
#define CONNECT_MS 4000
#define TCP_MS 10000
#define ANSWER_MS 2000 /* behind the connection, and again for the body */
#define LEAST_MS 1000  /* however fast the clock runs */
#define BODY_MAX 5120
#define SILENT                                                                                     \
	"Failure: The health checker could not establish a connection within the timeout limit."

struct probe {
	struct probe *next;
	char id[LAB_ID];
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char *search; /* NULL: the status is enough */
	bool tcp;
	bool by_name;		   /* the address came from DNS */
	char address[LAB_ADDRESS]; /* "" : none was found */
	char reason[128];	   /* of the status line */
	char body[BODY_MAX + 1];
	size_t body_length;
	bool good;
	char status[ROUTE53_STATUS];
};

struct route53_prober {
	struct route53_health *health;
	struct dro_curl curl;
	CURLM *multi;
	pthread_t thread;
	_Atomic bool ending;
	struct probe *probes; /* under way; the thread's own */
};

static void probe_free(const struct dro_curl *curl, struct probe *probe)
{
	if (!probe)
		return;
	if (probe->easy)
		curl->easy_cleanup(probe->easy);
	curl->slist_free_all(probe->headers);
	curl->slist_free_all(probe->connect_to);
	free(probe->search);
	free(probe);
}

/* ---- what comes back ------------------------------------------------------------------------- */

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct probe *probe = arg;
	size_t length = size * count, i;
	const char *at = data;

	if (length < 5 || strncmp(data, "HTTP/", 5) != 0)
		return length;
	/* "HTTP/1.1 503 Service Unavailable": what is behind the second blank. */
	for (i = 0; i < 2 && at; i++) {
		at = memchr(at, ' ', length - (size_t)(at - data));
		at = at ? at + 1 : NULL;
	}
	if (at)
		snprintf(probe->reason, sizeof(probe->reason), "%.*s",
			(int)(length - (size_t)(at - data)), at);
	probe->reason[strcspn(probe->reason, "\r\n")] = '\0';
	return length;
}

/* As much as is searched, and then no more. */
static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct probe *probe = arg;
	size_t length = size * count, room = BODY_MAX - probe->body_length;

	if (!probe->search || !room)
		return 0;
	if (room > length)
		room = length;
	memcpy(probe->body + probe->body_length, data, room);
	probe->body_length += room;
	return length;
}

static void judge_answer(struct probe *probe, long code)
{
	bool found = !probe->search ||
		     memmem(probe->body, probe->body_length, probe->search, strlen(probe->search));
	int used;

	probe->good = code >= 200 && code < 400 && found;
	used = snprintf(probe->status, sizeof(probe->status), "%s: HTTP Status Code %ld%s%s",
		probe->good ? "Success" : "Failure", code, *probe->reason ? ", " : "",
		probe->reason);
	if (!found)
		used += snprintf(probe->status + used, sizeof(probe->status) - (size_t)used,
			". The string was not found in the first 5120 bytes of the body");
	if (probe->by_name)
		snprintf(probe->status + used, sizeof(probe->status) - (size_t)used,
			". Resolved IP: %s", probe->address);
}

static void judge(const struct dro_curl *curl, struct probe *probe, CURLcode result)
{
	long code = 0, error = 0;

	curl->easy_getinfo(probe->easy, CURLINFO_RESPONSE_CODE, &code);
	curl->easy_getinfo(probe->easy, CURLINFO_OS_ERRNO, &error);
	if (probe->tcp && result == CURLE_OK) {
		probe->good = true;
		snprintf(probe->status, sizeof(probe->status),
			"Success: The connection was established");
	} else if (code && (!probe->search || result == CURLE_OK || result == CURLE_WRITE_ERROR)) {
		judge_answer(probe, code);
	} else if (result == CURLE_COULDNT_CONNECT && error == ECONNREFUSED) {
		snprintf(probe->status, sizeof(probe->status), "Failure: Connection refused");
	} else if (result == CURLE_SSL_CONNECT_ERROR) {
		snprintf(probe->status, sizeof(probe->status),
			"Failure: SSL alert handshake_failure");
	} else if (result == CURLE_OPERATION_TIMEDOUT || result == CURLE_COULDNT_CONNECT) {
		snprintf(probe->status, sizeof(probe->status), SILENT);
	} else {
		snprintf(probe->status, sizeof(probe->status), "Failure: %.200s",
			curl->easy_strerror(result));
	}
}

/* Counts what was found. Where the check is gone meanwhile there is nothing to count. */
static void settle(struct route53_health *health, const struct probe *probe)
{
	struct route53_health_check *check;
	const cJSON *config;
	unsigned long threshold, seconds;

	pthread_mutex_lock(&health->lock);
	if ((check = route53_health_find(health, probe->id))) {
		config = cJSON_GetObjectItemCaseSensitive(check->doc, "Config");
		threshold = strtoul(dro_json_text(config, "FailureThreshold"), NULL, 10);
		seconds = strtoul(dro_json_text(config, "RequestInterval"), NULL, 10);
		check->probing = false;
		check->due_ms = dro_now_ms() + seconds * 1000 / (unsigned long)health->speed;
		check->last.at_ms = dro_wall_ms();
		memcpy(check->last.status, probe->status, sizeof(check->last.status));
		if (!probe->good)
			check->failure = check->last;
		check->streak = probe->good == check->healthy ? 0 : check->streak + 1;
		if (check->streak >= threshold) {
			check->healthy = probe->good;
			check->streak = 0;
		}
	}
	pthread_mutex_unlock(&health->lock);
}

/* ---- what goes out --------------------------------------------------------------------------- */

/* On loopback, or a machine of a lab. */
static bool is_here(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || lab_hub_range_has(address);
}

/* Where it is: the config's address, or the one behind its name. false: *status says why not. */
static bool locate(struct route53_prober *prober, struct probe *probe, const cJSON *config)
{
	const char *address = dro_json_text(config, "IPAddress");
	const char *name = dro_json_text(config, "FullyQualifiedDomainName");
	int rcode = 0;

	if (strlen(address) < LAB_ADDRESS && is_here(address)) {
		memcpy(probe->address, address, strlen(address) + 1);
		return true;
	}
	if (!*address) {
		probe->by_name = true;
		if (!dns_zones_address(prober->health->dns, name, probe->address, &rcode))
			snprintf(probe->status, sizeof(probe->status),
				"Failure: DNS resolution failed: Rcode %s(%d)",
				rcode == 3   ? "NXDomain"
				: rcode == 5 ? "Refused"
					     : "NoError",
				rcode);
		else if (is_here(probe->address))
			return true;
		else
			snprintf(probe->status, sizeof(probe->status), SILENT);
		return false;
	}
	snprintf(probe->status, sizeof(probe->status), SILENT);
	return false;
}

static long scaled(long ms, long speed)
{
	return ms / speed > LEAST_MS ? ms / speed : LEAST_MS;
}

static int set_target(struct route53_prober *prober, struct probe *probe, const cJSON *config)
{
	const char *name = dro_json_text(config, "FullyQualifiedDomainName");
	const char *port = dro_json_text(config, "Port"),
		   *path = dro_json_text(config, "ResourcePath");
	bool tls = strncmp(dro_json_text(config, "Type"), "HTTPS", 5) == 0;
	bool sni = tls && *name && strcmp(dro_json_text(config, "EnableSNI"), "true") == 0;
	bool usual = strcmp(port, tls ? "443" : "80") == 0;
	struct dro_buf url = DRO_BUF_INIT(2048), host = DRO_BUF_INIT(1024), to = DRO_BUF_INIT(256);
	const struct dro_curl *curl = &prober->curl;

	dro_buf_printf(&url, "%s://%s:%s%s%s", tls ? "https" : "http", sni ? name : probe->address,
		port, *path == '/' ? "" : "/", path);
	dro_buf_printf(&host, "Host: %s%s%s", *name ? name : probe->address, usual ? "" : ":",
		usual ? "" : port);
	dro_buf_printf(&to, "::%s:%s", probe->address, port);
	if (!url.failed && !host.failed && !to.failed) {
		curl->easy_setopt(probe->easy, CURLOPT_URL, dro_buf_str(&url));
		probe->headers = curl->slist_append(NULL, dro_buf_str(&host));
		probe->connect_to = curl->slist_append(NULL, dro_buf_str(&to));
	}
	dro_buf_free(&url);
	dro_buf_free(&host);
	dro_buf_free(&to);
	return probe->headers && probe->connect_to ? 0 : DRO_ENOMEM;
}

static int set_up(
	struct route53_prober *prober, struct probe *probe, const cJSON *config, long speed)
{
	const struct dro_curl *curl = &prober->curl;
	const char *search = dro_json_text(config, "SearchString");
	long connect, whole;

	probe->tcp = strcmp(dro_json_text(config, "Type"), "TCP") == 0;
	probe->easy = curl->easy_init();
	if (!probe->easy || set_target(prober, probe, config) < 0 ||
		(*search && !(probe->search = strdup(search))))
		return DRO_ENOMEM;
	connect = scaled(probe->tcp ? TCP_MS : CONNECT_MS, speed);
	whole = connect + (probe->tcp ? 0 : scaled(ANSWER_MS, speed)) +
		(probe->search ? scaled(ANSWER_MS, speed) : 0);
	curl->easy_setopt(probe->easy, CURLOPT_CONNECT_TO, probe->connect_to);
	curl->easy_setopt(probe->easy, CURLOPT_HTTPHEADER, probe->headers);
	curl->easy_setopt(
		probe->easy, CURLOPT_USERAGENT, "Amazon-Route53-Health-Check-Service (drorch-lab)");
	curl->easy_setopt(probe->easy, CURLOPT_PRIVATE, probe);
	curl->easy_setopt(probe->easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(probe->easy, CURLOPT_PROXY, "");
	curl->easy_setopt(probe->easy, CURLOPT_PATH_AS_IS, 1L);
	curl->easy_setopt(probe->easy, CURLOPT_FORBID_REUSE, 1L);
	curl->easy_setopt(probe->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl->easy_setopt(probe->easy, CURLOPT_CONNECTTIMEOUT_MS, connect);
	curl->easy_setopt(probe->easy, CURLOPT_TIMEOUT_MS, whole);
	/* The vendor's checkers do not look at certificates either. */
	curl->easy_setopt(probe->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl->easy_setopt(probe->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl->easy_setopt(probe->easy, CURLOPT_HEADERFUNCTION, on_header);
	curl->easy_setopt(probe->easy, CURLOPT_HEADERDATA, probe);
	curl->easy_setopt(probe->easy, CURLOPT_WRITEFUNCTION, on_body);
	curl->easy_setopt(probe->easy, CURLOPT_WRITEDATA, probe);
	if (probe->tcp)
		curl->easy_setopt(probe->easy, CURLOPT_CONNECT_ONLY, 1L);
	return 0;
}

/* It could not be tried at all: again in a while. */
static void let_go(struct route53_health *health, const char *id)
{
	struct route53_health_check *check;

	pthread_mutex_lock(&health->lock);
	if ((check = route53_health_find(health, id))) {
		check->probing = false;
		check->due_ms = dro_now_ms() + LEAST_MS;
	}
	pthread_mutex_unlock(&health->lock);
}

/* Begins one; what cannot even begin has failed. */
static void begin(struct route53_prober *prober, const char *id, const cJSON *config, long speed)
{
	struct probe *probe = calloc(1, sizeof(*probe));

	if (!probe) {
		let_go(prober->health, id);
		return;
	}
	snprintf(probe->id, sizeof(probe->id), "%s", id);
	if (locate(prober, probe, config) && set_up(prober, probe, config, speed) == 0 &&
		prober->curl.multi_add_handle(prober->multi, probe->easy) == CURLM_OK) {
		probe->next = prober->probes;
		prober->probes = probe;
		return;
	}
	if (!*probe->status)
		snprintf(probe->status, sizeof(probe->status), "Failure: out of memory");
	settle(prober->health, probe);
	probe_free(&prober->curl, probe);
}

/* The first check that is due, as a copy to work on without the lock. false: none is. */
static bool take_due(struct route53_health *health, char id[LAB_ID], cJSON **config, long *speed)
{
	struct route53_health_check *check;
	uint64_t now = dro_now_ms();

	*config = NULL;
	pthread_mutex_lock(&health->lock);
	*speed = (long)health->speed;
	for (check = health->first; check && !*config; check = check->next) {
		const cJSON *its = cJSON_GetObjectItemCaseSensitive(check->doc, "Config");

		if (check->probing || check->due_ms > now || route53_health_is_calculated(its) ||
			strcmp(dro_json_text(its, "Disabled"), "true") == 0)
			continue;
		snprintf(id, LAB_ID, "%s", dro_json_text(check->doc, "Id"));
		*config = cJSON_Duplicate(its, true);
		check->probing = *config != NULL;
	}
	pthread_mutex_unlock(&health->lock);
	return *config != NULL;
}

static int until_due(struct route53_health *health)
{
	const struct route53_health_check *check;
	uint64_t now = dro_now_ms(), wait = TICK_MS;

	pthread_mutex_lock(&health->lock);
	for (check = health->first; check; check = check->next)
		if (!check->probing && check->due_ms > now && check->due_ms - now < wait)
			wait = check->due_ms - now;
	pthread_mutex_unlock(&health->lock);
	return (int)wait;
}

static void take_results(struct route53_prober *prober)
{
	const struct dro_curl *curl = &prober->curl;
	CURLMsg *message;
	int left;

	while ((message = curl->multi_info_read(prober->multi, &left))) {
		struct probe *probe = NULL, **link = &prober->probes;
		CURL *easy = message->easy_handle;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl->easy_getinfo(easy, CURLINFO_PRIVATE, &probe);
		judge(curl, probe, message->data.result);
		curl->multi_remove_handle(prober->multi, easy);
		settle(prober->health, probe);
		while (*link != probe)
			link = &(*link)->next;
		*link = probe->next;
		probe_free(curl, probe);
	}
}

static void *run(void *arg)
{
	struct route53_prober *prober = arg;
	const struct dro_curl *curl = &prober->curl;

	while (!atomic_load(&prober->ending)) {
		char id[LAB_ID];
		cJSON *config;
		int running;
		long speed;

		while (take_due(prober->health, id, &config, &speed)) {
			begin(prober, id, config, speed);
			cJSON_Delete(config);
		}
		curl->multi_perform(prober->multi, &running);
		take_results(prober);
		curl->multi_poll(prober->multi, NULL, 0, until_due(prober->health), NULL);
	}
	return NULL;
}

/* ---- begin and end --------------------------------------------------------------------------- */

static void prober_free(struct route53_prober *prober)
{
	struct probe *probe, *next;

	for (probe = prober->probes; probe; probe = next) {
		next = probe->next;
		prober->curl.multi_remove_handle(prober->multi, probe->easy);
		probe_free(&prober->curl, probe);
	}
	if (prober->multi)
		prober->curl.multi_cleanup(prober->multi);
	free(prober);
}

int route53_probe_wake(struct route53_health *health, struct dro_error *err)
{
	struct route53_prober *prober = health->prober;
	int rc;

	if (prober) {
		prober->curl.multi_wakeup(prober->multi);
		return 0;
	}
	prober = calloc(1, sizeof(*prober));
	if (!prober)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	prober->health = health;
	if ((rc = dro_curl_load(&prober->curl, err)) < 0) {
		free(prober);
		return rc;
	}
	prober->multi = prober->curl.multi_init();
	if (!prober->multi || pthread_create(&prober->thread, NULL, run, prober) != 0) {
		prober_free(prober);
		return dro_fail(err, DRO_EAGAIN, "no thread for health checks");
	}
	health->prober = prober;
	return 0;
}

void route53_probe_stop(struct route53_health *health)
{
	struct route53_prober *prober = health->prober;

	if (!prober)
		return;
	atomic_store(&prober->ending, true);
	prober->curl.multi_wakeup(prober->multi);
	pthread_join(prober->thread, NULL);
	prober_free(prober);
	health->prober = NULL;
}
