#include "lab/fault.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX 256

static const char *const kind_names[] = {"latency", "late", "status", "drop", "half-open", "drip",
	"refuse", "outage", "lag", "rate", "body", "truncate"};
#define KINDS (sizeof(kind_names) / sizeof(kind_names[0]))

struct lab_faults {
	pthread_mutex_t lock;
	struct lab_fault items[FAULTS_MAX];
	size_t count;
	unsigned next_id;
};

int lab_fault_kind_of(const char *word)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (strcmp(kind_names[i], word) == 0)
			return (int)i;
	return -1;
}

const char *lab_fault_kind_name(int kind)
{
	return kind >= 0 && (size_t)kind < KINDS ? kind_names[kind] : "unknown";
}

/* `*` stands for any text; letter case does not matter. */
static bool pattern_matches(const char *pattern, const char *text)
{
	return fnmatch(pattern, text, FNM_CASEFOLD) == 0;
}

/* What has a name of its own within a provider, "linode-s3", goes with the whole, "linode", too. */
static bool vendor_matches(const char *pattern, const char *vendor)
{
	char whole[LAB_OPERATION];

	if (pattern_matches(pattern, vendor))
		return true;
	snprintf(whole, sizeof(whole), "%.*s", (int)strcspn(vendor, "-"), vendor);
	return pattern_matches(pattern, whole);
}

bool lab_bucket_take(struct lab_bucket *bucket, double cost, int64_t now_ms)
{
	if (bucket->at_ms && now_ms > bucket->at_ms)
		bucket->tokens += bucket->per_second * (double)(now_ms - bucket->at_ms) / 1000.0;
	if (bucket->tokens > bucket->size)
		bucket->tokens = bucket->size;
	bucket->at_ms = now_ms;
	if (bucket->tokens < cost)
		return false;
	bucket->tokens -= cost;
	return true;
}

int lab_faults_new(struct lab_faults **out, struct dro_error *err)
{
	struct lab_faults *faults = calloc(1, sizeof(*faults));

	if (!faults)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&faults->lock, NULL);
	*out = faults;
	return 0;
}

void lab_faults_free(struct lab_faults *faults)
{
	if (!faults)
		return;
	pthread_mutex_destroy(&faults->lock);
	free(faults);
}

static void any_if_empty(char *pattern)
{
	if (!*pattern)
		memcpy(pattern, "*", 2);
}

int lab_faults_add(struct lab_faults *faults, const struct lab_fault *fault, char id[16],
	struct dro_error *err)
{
	struct lab_fault *item;
	int rc = 0;

	pthread_mutex_lock(&faults->lock);
	if (faults->count == FAULTS_MAX) {
		rc = dro_fail(err, DRO_EQUOTA, "more than %d faults", FAULTS_MAX);
	} else {
		item = &faults->items[faults->count++];
		*item = *fault;
		snprintf(item->id, sizeof(item->id), "f%u", ++faults->next_id);
		any_if_empty(item->vendor);
		any_if_empty(item->operation);
		any_if_empty(item->region);
		memcpy(id, item->id, sizeof(item->id));
	}
	pthread_mutex_unlock(&faults->lock);
	return rc;
}

static void remove_at(struct lab_faults *faults, size_t i)
{
	memmove(&faults->items[i], &faults->items[i + 1],
		(faults->count - i - 1) * sizeof(faults->items[0]));
	faults->count--;
}

size_t lab_faults_clear(struct lab_faults *faults, const char *word)
{
	size_t i, gone = 0;

	pthread_mutex_lock(&faults->lock);
	for (i = faults->count; i-- > 0;) {
		const struct lab_fault *fault = &faults->items[i];

		if (word && strcmp(fault->id, word) != 0 &&
			strcmp(lab_fault_kind_name(fault->kind), word) != 0)
			continue;
		remove_at(faults, i);
		gone++;
	}
	pthread_mutex_unlock(&faults->lock);
	return gone;
}

size_t lab_faults_restore(struct lab_faults *faults, const char *vendor, const char *region)
{
	size_t i, gone = 0;

	pthread_mutex_lock(&faults->lock);
	for (i = faults->count; i-- > 0;) {
		const struct lab_fault *fault = &faults->items[i];

		if (fault->kind != LAB_FAULT_OUTAGE || strcmp(fault->vendor, vendor) != 0 ||
			strcmp(fault->region, region) != 0)
			continue;
		remove_at(faults, i);
		gone++;
	}
	pthread_mutex_unlock(&faults->lock);
	return gone;
}

void lab_faults_list(struct lab_faults *faults, struct dro_buf *out)
{
	size_t i;

	pthread_mutex_lock(&faults->lock);
	for (i = 0; i < faults->count; i++) {
		const struct lab_fault *fault = &faults->items[i];

		dro_buf_printf(out, "%-5s %-10s vendor=%s operation=%s region=%s", fault->id,
			lab_fault_kind_name(fault->kind), fault->vendor, fault->operation,
			fault->region);
		if (fault->count >= 0)
			dro_buf_printf(out, " count=%lld", (long long)fault->count);
		if (fault->status)
			dro_buf_printf(out, " status=%d", fault->status);
		if (*fault->code)
			dro_buf_printf(out, " code=%s", fault->code);
		if (fault->ms)
			dro_buf_printf(out, " ms=%lld", (long long)fault->ms);
		dro_buf_puts(out, "\n");
	}
	pthread_mutex_unlock(&faults->lock);
}

static void note(struct lab_effects *effects, const char *name)
{
	size_t used = strlen(effects->names);

	snprintf(effects->names + used, sizeof(effects->names) - used, "%s%s", used ? "," : "",
		name);
}

static void set_status(struct lab_effects *effects, const struct lab_fault *fault, int fallback)
{
	effects->status = fault->status ? fault->status : fallback;
	memcpy(effects->code, fault->code, sizeof(effects->code));
	memcpy(effects->message, fault->message, sizeof(effects->message));
	effects->retry_after_s = fault->retry_after_s;
}

/* false: it does not show on this call (a bucket with tokens left). */
static bool apply(struct lab_fault *fault, int64_t now_ms, struct lab_effects *effects)
{
	switch (fault->kind) {
	case LAB_FAULT_LATENCY:
		effects->latency_ms += fault->ms;
		break;
	case LAB_FAULT_LATE:
		effects->late_ms += fault->ms;
		break;
	case LAB_FAULT_STATUS:
		set_status(effects, fault, 500);
		break;
	case LAB_FAULT_DROP:
		effects->drop = true;
		break;
	case LAB_FAULT_HALF_OPEN:
		effects->half_open_ms = fault->ms;
		break;
	case LAB_FAULT_DRIP:
		effects->drip_ms = fault->ms;
		break;
	case LAB_FAULT_REFUSE:
		effects->refuse = true;
		break;
	case LAB_FAULT_OUTAGE:
		if (fault->status)
			set_status(effects, fault, 503);
		else
			effects->refuse = true;
		break;
	case LAB_FAULT_LAG:
		if (fault->ms > effects->lag_ms)
			effects->lag_ms = fault->ms;
		break;
	case LAB_FAULT_RATE:
		if (lab_bucket_take(&fault->bucket, 1, now_ms))
			return false;
		set_status(effects, fault, 429);
		break;
	case LAB_FAULT_BODY:
		effects->body_status = fault->status ? fault->status : 200;
		memcpy(effects->message, fault->message, sizeof(effects->message));
		break;
	case LAB_FAULT_TRUNCATE:
		effects->truncate = true;
		break;
	}
	return true;
}

void lab_faults_meet(struct lab_faults *faults, const struct lab_call *call, int64_t now_ms,
	struct lab_effects *effects)
{
	size_t i;

	*effects = (struct lab_effects){.retry_after_s = -1};
	pthread_mutex_lock(&faults->lock);
	for (i = 0; i < faults->count; i++) {
		struct lab_fault *fault = &faults->items[i];

		if (!vendor_matches(fault->vendor, call->vendor) ||
			!pattern_matches(fault->operation, call->operation) ||
			!pattern_matches(fault->region, call->region))
			continue;
		if (!apply(fault, now_ms, effects))
			continue;
		note(effects, lab_fault_kind_name(fault->kind));
		if (fault->count > 0 && --fault->count == 0)
			remove_at(faults, i--);
	}
	pthread_mutex_unlock(&faults->lock);
}
