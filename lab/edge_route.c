#include "edge_route.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CNAME_DEPTH 8
#define NAME_MAX_LENGTH 253

struct entry {
	char *name;
	char *content;
	enum { ZONE, A, AAAA, CNAME } type;
	bool proxied;
	unsigned turn; /* of the first entry of a name: whose turn it is */
};

struct table {
	struct table *next; /* published later */
	uint64_t due_ms;
	struct edge_balance *balance;
	size_t count;
	struct entry entries[]; /* sorted by name */
};

struct edge_routes {
	pthread_mutex_t lock;
	struct table *tables; /* the one that counts, then those to come */
	char **down;	      /* what is ill: edge_balance.h */
	size_t down_count;
};

static void table_free(struct table *table)
{
	size_t i;

	for (i = 0; table && i < table->count; i++) {
		free(table->entries[i].name);
		free(table->entries[i].content);
	}
	if (table)
		edge_balance_free(table->balance);
	free(table);
}

static int compare_entries(const void *a, const void *b)
{
	return strcasecmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static bool read_type(const char *type, struct entry *entry)
{
	static const char *const names[] = {
		[ZONE] = "ZONE", [A] = "A", [AAAA] = "AAAA", [CNAME] = "CNAME"};
	int i;

	for (i = ZONE; i <= CNAME; i++) {
		if (strcmp(type, names[i]) == 0) {
			entry->type = i;
			return true;
		}
	}
	return false;
}

static struct table *table_new(const struct edge_record *records, size_t count)
{
	struct table *table = calloc(1, sizeof(*table) + count * sizeof(table->entries[0]));
	size_t i;

	for (i = 0; table && i < count; i++) {
		struct entry *entry = &table->entries[table->count];

		if (!read_type(records[i].type, entry))
			continue;
		table->count++;
		entry->proxied = records[i].proxied;
		entry->name = strdup(records[i].name);
		entry->content = strdup(records[i].content ? records[i].content : "");
		if (!entry->name || !entry->content) {
			table_free(table);
			return NULL;
		}
	}
	if (table)
		qsort(table->entries, table->count, sizeof(table->entries[0]), compare_entries);
	return table;
}

int edge_routes_new(struct edge_routes **out, struct dro_error *err)
{
	struct edge_routes *routes = calloc(1, sizeof(*routes));

	if (!routes)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_init(&routes->lock, NULL);
	*out = routes;
	return 0;
}

static void free_texts(char **texts, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
}

void edge_routes_free(struct edge_routes *routes)
{
	struct table *table, *next;

	if (!routes)
		return;
	for (table = routes->tables; table; table = next) {
		next = table->next;
		table_free(table);
	}
	free_texts(routes->down, routes->down_count);
	pthread_mutex_destroy(&routes->lock);
	free(routes);
}

int edge_routes_publish(struct edge_routes *routes, const struct edge_record *records, size_t count,
	uint64_t due_ms, struct dro_error *err)
{
	return edge_routes_publish_all(routes, records, count, NULL, 0, due_ms, err);
}

int edge_routes_publish_all(struct edge_routes *routes, const struct edge_record *records,
	size_t count, const struct edge_balancer *balancers, size_t balancer_count, uint64_t due_ms,
	struct dro_error *err)
{
	struct table *table = table_new(records, count), **last;
	int rc;

	if (!table)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	rc = edge_balance_new(&table->balance, balancers, balancer_count, err);
	if (rc < 0) {
		table_free(table);
		return rc;
	}
	pthread_mutex_lock(&routes->lock);
	for (last = &routes->tables; *last; last = &(*last)->next)
		if ((*last)->due_ms > due_ms) /* never overtakes an earlier one */
			due_ms = (*last)->due_ms;
	table->due_ms = due_ms;
	*last = table;
	pthread_mutex_unlock(&routes->lock);
	return 0;
}

int edge_routes_health(
	struct edge_routes *routes, const struct edge_down *down, struct dro_error *err)
{
	char **copy = calloc(down->count + 1, sizeof(*copy)), **old = NULL;
	size_t i, old_count = 0;

	for (i = 0; copy && i < down->count; i++) {
		copy[i] = strdup(down->items[i]);
		if (!copy[i]) {
			free_texts(copy, i);
			copy = NULL;
		}
	}
	if (!copy)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	pthread_mutex_lock(&routes->lock);
	old = routes->down;
	old_count = routes->down_count;
	routes->down = copy;
	routes->down_count = down->count;
	pthread_mutex_unlock(&routes->lock);
	free_texts(old, old_count);
	return 0;
}

/* The newest table that is due; older ones go. */
static struct table *current_table(struct edge_routes *routes, uint64_t now_ms)
{
	while (routes->tables && routes->tables->next && routes->tables->next->due_ms <= now_ms) {
		struct table *old = routes->tables;

		routes->tables = old->next;
		table_free(old);
	}
	return routes->tables && routes->tables->due_ms <= now_ms ? routes->tables : NULL;
}

void edge_routes_forget(struct edge_routes *routes, uint64_t now_ms)
{
	pthread_mutex_lock(&routes->lock);
	current_table(routes, now_ms);
	pthread_mutex_unlock(&routes->lock);
}

/* The first entry of `name`, and in *count how many follow with the same name. */
static struct entry *find_name(struct table *table, const char *name, size_t *count)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (strcasecmp(table->entries[middle].name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (high = low; high < table->count; high++)
		if (strcasecmp(table->entries[high].name, name) != 0)
			break;
	*count = high - low;
	return *count ? &table->entries[low] : NULL;
}

static bool has_records(const struct entry *entry, size_t count)
{
	while (count-- > 0)
		if (entry++->type != ZONE)
			return true;
	return false;
}

/* By name, or else by the wildcard beside or above it, as name servers do. */
static struct entry *find_records(struct table *table, const char *name, size_t *count)
{
	struct entry *entry = find_name(table, name, count);
	char wild[NAME_MAX_LENGTH + 3];
	const char *dot;

	if (entry && has_records(entry, *count))
		return entry;
	for (dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
		if (strlen(dot) + 2 > sizeof(wild))
			continue;
		wild[0] = '*';
		memcpy(wild + 1, dot, strlen(dot) + 1);
		entry = find_name(table, wild, count);
		if (entry)
			return entry;
	}
	return NULL;
}

static bool in_zone(struct table *table, const char *name)
{
	const char *part = name;
	size_t count, i;

	while (part) {
		const struct entry *entry = find_name(table, part, &count);

		for (i = 0; entry && i < count; i++)
			if (entry[i].type == ZONE)
				return true;
		part = strchr(part, '.');
		part = part ? part + 1 : NULL;
	}
	return false;
}

static bool read_address(struct edge_address *out, const struct entry *entry)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&out->socket;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&out->socket;
	bool six = entry->type == AAAA;

	memset(out, 0, sizeof(*out));
	out->socket.ss_family = six ? AF_INET6 : AF_INET;
	out->length = six ? sizeof(*v6) : sizeof(*v4);
	if (inet_pton(six ? AF_INET6 : AF_INET, entry->content,
		    six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1)
		return false;
	return inet_ntop(six ? AF_INET6 : AF_INET,
		       six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr, out->text,
		       sizeof(out->text)) != NULL;
}

/* "BUCKET.s3-website-REGION.amazonaws.com", or with a dot before the region. */
static bool is_website(const char *name)
{
	const char *at = strcasestr(name, ".s3-website"), *end = strcasestr(name, ".amazonaws.com");

	return at && at > name && (at[11] == '-' || at[11] == '.') && end && end > at + 12 &&
	       strcasecmp(end, ".amazonaws.com") == 0;
}

/* There the lab's S3 answers, for the bucket that the client's Host field names. */
static enum edge_found website(struct edge_route *out)
{
	struct edge_address *address = &out->addresses[0];
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address->socket;

	*address =
		(struct edge_address){.length = sizeof(*v4), .text = "s3-website", .website = true};
	v4->sin_family = AF_INET;
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	out->count = 1;
	out->first = 0;
	return EDGE_FOUND;
}

static enum edge_found follow(
	struct table *table, const char *name, struct edge_route *out, unsigned depth)
{
	size_t count, i;
	struct entry *entry = find_records(table, name, &count);

	if (!entry)
		return depth > 0 && is_website(name) ? website(out) : EDGE_NO_RECORD;
	for (i = 0; i < count; i++) {
		/* Only the asked name must be proxied; a CNAME may lead to plain records. */
		if (entry[i].type == ZONE || (depth == 0 && !entry[i].proxied))
			continue;
		if (entry[i].type == CNAME)
			return depth < CNAME_DEPTH ? follow(table, entry[i].content, out, depth + 1)
						   : EDGE_NO_RECORD;
		if (out->count < EDGE_ADDRESSES_MAX &&
			read_address(&out->addresses[out->count], &entry[i]))
			out->count++;
	}
	if (out->count == 0)
		return EDGE_NO_RECORD;
	out->first = entry->turn++ % out->count;
	return EDGE_FOUND;
}

/* The origins of a balancer: addresses, or names of the lab's zones. */
static enum edge_found follow_choice(
	struct table *table, const struct edge_choice *choice, struct edge_route *out)
{
	size_t i;

	for (i = 0; i < choice->count && out->count < EDGE_ADDRESSES_MAX; i++) {
		const char *text = choice->addresses[(choice->first + i) % choice->count];
		struct entry entry = {
			.content = (char *)(uintptr_t)text, .type = strchr(text, ':') ? AAAA : A};

		if (read_address(&out->addresses[out->count], &entry))
			out->count++;
		else
			(void)follow(table, text, out, 1);
	}
	out->first = 0;
	return out->count ? EDGE_FOUND : EDGE_NO_RECORD;
}

static enum edge_found find(struct edge_routes *routes, const char *name, bool proxied,
	uint64_t now_ms, struct edge_route *out)
{
	enum edge_found found = EDGE_NO_ZONE;
	struct table *table;

	out->count = 0;
	if (strlen(name) > NAME_MAX_LENGTH)
		return found;
	pthread_mutex_lock(&routes->lock);
	table = current_table(routes, now_ms);
	if (table && in_zone(table, name)) {
		const struct edge_down down = {
			(const char *const *)routes->down, routes->down_count};
		struct edge_choice choice;

		found = edge_balance_choose(table->balance, name, proxied, &down, &choice)
				? follow_choice(table, &choice, out)
			: proxied ? follow(table, name, out, 0)
				  : EDGE_NO_RECORD;
	}
	pthread_mutex_unlock(&routes->lock);
	return found;
}

enum edge_found edge_routes_find(
	struct edge_routes *routes, const char *name, uint64_t now_ms, struct edge_route *out)
{
	return find(routes, name, true, now_ms, out);
}

enum edge_found edge_routes_balanced(
	struct edge_routes *routes, const char *name, uint64_t now_ms, struct edge_route *out)
{
	return find(routes, name, false, now_ms, out);
}
