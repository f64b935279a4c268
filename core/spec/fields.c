/* The accounts, and a service as a whole. A new key of the spec is one row and a member in
 * model/service.h. */
#include "spec/rows.h"

static const struct dro_word traffic_types[] = {{"A", 0}, {"AAAA", 0}, {"CNAME", 0}, {0}};
static const struct dro_word record_types[] = {{"A", 0}, {"AAAA", 0}, {"CNAME", 0}, {"MX", 0},
	{"TXT", 0}, {"SRV", 0}, {"NS", 0}, {"CAA", 0}, {0}};
static const struct dro_word automatics[] = {{"off", DRO_AUTOMATIC_OFF},
	{"observe", DRO_AUTOMATIC_OBSERVE}, {"on", DRO_AUTOMATIC_ON}, {0}};
static const struct dro_word switches[] = {{"off", DRO_OFF}, {"on", DRO_ON}, {0}};
static const struct dro_word occasions[] = {{"health", DRO_NOTIFY_HEALTH}, {"run", DRO_NOTIFY_RUN},
	{"drill", DRO_NOTIFY_DRILL}, {"backup", DRO_NOTIFY_BACKUP}, {0}};

/* ---- providers.yaml -------------------------------------------------------------------------- */

static const struct dro_field budget_fields[] = {
	{"per_second", DRO_FIELD_INT, AT(dro_rate, per_second), .min = 1, .max = 10000,
		.fallback = "20", .help = "Calls a second that the provider allows.",
		.example = "4"},
	{"burst", DRO_FIELD_INT, AT(dro_rate, burst), .min = 1, .max = 100000, .fallback = "100",
		.help = "Calls at once after a rest.", .example = "100"},
	{0},
};

static const struct dro_form budget = {
	.name = "budget",
	.help = "How many calls drorch makes with the account. What runs by itself takes at most "
		"40 % of it, and leaves a promote the last 20 % of the burst.",
	.fields = budget_fields,
	.size = sizeof(struct dro_rate),
	NOT_KEPT,
};

static const struct dro_field account_fields[] = {
	{"plugin", DRO_FIELD_STRING, AT(dro_account, plugin), NEED, .format = &dro_format_name,
		.help = "The plugin that speaks this provider's API; `drorch plugins` lists them.",
		.example = "aws"},
	{"credentials", DRO_FIELD_CREDENTIALS, ARRAY(dro_account, credentials, credential_count),
		.help = "Where each credential is found, by name; never its value.",
		.example = "{token: {env: LINODE_TOKEN}}"},
	{"budget", DRO_FIELD_OBJECT, AT(dro_account, budget), .object = &budget,
		.help = "Its rate of calls.", .example = "{per_second: 4, burst: 100}"},
	{0},
};

static const struct dro_form account = {
	.name = "account",
	.help = "An account at a provider. Every other key is an option of its plugin.",
	.fields = account_fields,
	.size = sizeof(struct dro_account),
	.key = offsetof(struct dro_account, name),
	.place = offsetof(struct dro_account, place),
	.given = DRO_NO_OFFSET,
	.settings = offsetof(struct dro_account, settings),
	.setting_count = offsetof(struct dro_account, setting_count),
};

static const struct dro_field providers_fields[] = {
	{"apiVersion", DRO_FIELD_CONST, NEED, .fallback = DRO_API_VERSION,
		.help = "The version of this form."},
	{"kind", DRO_FIELD_CONST, NEED, .fallback = "Providers", .help = "What the file holds."},
	{"providers", DRO_FIELD_MAP, ARRAY(dro_spec, accounts, account_count), NEED,
		.object = &account, .help = "The accounts drorch may use, by name."},
	{0},
};

const struct dro_form dro_form_providers = {
	.name = "Providers",
	.help = "providers.yaml: the accounts.",
	.fields = providers_fields,
	.size = sizeof(struct dro_spec),
	NOT_KEPT,
};

/* ---- traffic and DNS ------------------------------------------------------------------------- */

static const struct dro_field path_fields[] = {
	{"provider", DRO_FIELD_STRING, AT(dro_path, provider), NEED, .format = &dro_format_name,
		.help = "The account with the zone.", .example = "cloudflare"},
	{"zone", DRO_FIELD_STRING, AT(dro_path, zone), NEED, .format = &dro_format_domain,
		.help = "The zone.", .example = "memphis.example"},
	{"proxied", DRO_FIELD_BOOL, AT(dro_path, proxied), .fallback = "false",
		.help = "Traffic goes through the provider's edge.", .example = "true"},
	{"ttl", DRO_FIELD_DURATION, AT(dro_path, ttl_ms), .min = SECOND, .max = 7 * DAY,
		.help = "How long resolvers keep it; automatic where not given.", .example = "60s"},
	{0},
};

static const struct dro_form path = {
	.name = "path",
	.help = "A way to move the name.",
	.fields = path_fields,
	.size = sizeof(struct dro_path),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct dro_path, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field verify_fields[] = {
	{"scheme", DRO_FIELD_STRING, AT(dro_verify, scheme), .words = dro_words_scheme,
		.fallback = "https", .help = "https, or http.", .example = "https"},
	{"address", DRO_FIELD_STRING, AT(dro_verify, address), .format = &dro_format_host,
		.help = "Where to connect instead of resolving the name.", .example = "127.0.0.1"},
	{"port", DRO_FIELD_INT, AT(dro_verify, port), .min = 1, .max = 65535,
		.help = "The port, where it is not the scheme's.", .example = "8443"},
	{"timeout", DRO_FIELD_DURATION, AT(dro_verify, timeout_ms), .min = SECOND, .max = DAY,
		.fallback = "2m",
		.help = "How long the new site may take to show through the name.",
		.example = "2m"},
	{0},
};

static const struct dro_form verify = {.name = "verify",
	.help = "How a promote sees that the name leads to the new site.",
	.fields = verify_fields,
	.size = sizeof(struct dro_verify),
	NOT_KEPT};

static const struct dro_field traffic_fields[] = {
	{"name", DRO_FIELD_STRING, AT(dro_traffic, name), NEED, .format = &dro_format_record,
		.help = "The public name.", .example = "www.memphis.example"},
	{"type", DRO_FIELD_STRING, AT(dro_traffic, type), .words = traffic_types, .fallback = "A",
		.help = "The record's type.", .example = "A"},
	{"policy", DRO_FIELD_POLICY, AT(dro_traffic, policy), .fallback = "failover",
		.help = "failover: all traffic to the active site; or weights by site.",
		.example = "{weighted: {main: 100, dr: 0}}"},
	{"paths", DRO_FIELD_LIST, ARRAY(dro_traffic, paths, path_count), NEED, .object = &path,
		.max = 16, .help = "Tried in order when traffic moves."},
	{"verify", DRO_FIELD_OBJECT, AT(dro_traffic, verify), .object = &verify,
		.help = "How the move is verified."},
	{0},
};

static const struct dro_form traffic = {
	.name = "traffic",
	.help = "A public name that follows the active site.",
	.fields = traffic_fields,
	.size = sizeof(struct dro_traffic),
	.key = offsetof(struct dro_traffic, key),
	.place = offsetof(struct dro_traffic, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field dns_fields[] = {
	{"name", DRO_FIELD_STRING, AT(dro_dns_entry, name), NEED, .format = &dro_format_record,
		.help = "The record's name.", .example = "memphis.example"},
	{"type", DRO_FIELD_STRING, AT(dro_dns_entry, type), NEED, .words = record_types,
		.help = "The record's type.", .example = "MX"},
	{"values", DRO_FIELD_STRINGS, ARRAY(dro_dns_entry, values, value_count), NEED,
		.format = &dro_format_text, .max = 100, .help = "As a zone file has them.",
		.example = "[\"10 mx1.memphis.example\"]"},
	{"providers", DRO_FIELD_STRINGS, ARRAY(dro_dns_entry, providers, provider_count), NEED,
		.format = &dro_format_name, .max = 16, .help = "The accounts that have the zone.",
		.example = "[cloudflare, route53]"},
	{"zone", DRO_FIELD_STRING, AT(dro_dns_entry, zone), .format = &dro_format_domain,
		.help = "The zone; the longest that fits the name where not given.",
		.example = "memphis.example"},
	{"ttl", DRO_FIELD_DURATION, AT(dro_dns_entry, ttl_ms), .min = SECOND, .max = 7 * DAY,
		.help = "How long resolvers keep it; automatic where not given.", .example = "5m"},
	{0},
};

static const struct dro_form dns = {
	.name = "dns",
	.help = "A record that stays as it is, in every zone.",
	.fields = dns_fields,
	.size = sizeof(struct dro_dns_entry),
	.key = offsetof(struct dro_dns_entry, key),
	.place = offsetof(struct dro_dns_entry, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

/* ---- safety, drills, notices ----------------------------------------------------------------- */

static const struct dro_field safety_fields[] = {
	{"automatic_failover", DRO_FIELD_ENUM, AT(dro_safety, automatic_failover),
		.words = automatics, .fallback = "off",
		.help = "off; observe: say what would be done; on: do it.", .example = "observe"},
	{"cool_down", DRO_FIELD_DURATION, AT(dro_safety, cool_down_ms), .fallback = "1h",
		.help = "Least time between two promotes; an override passes it.", .example = "1h"},
	{"max_changes", DRO_FIELD_CHANGES, AT(dro_safety, max_changes), .fallback = "30%",
		.help = "A reconcile pass that changes more of the service stops and asks.",
		.example = "30%"},
	{"monitor", DRO_FIELD_DURATION, AT(dro_safety, monitor_ms), .max = DAY, .fallback = "30s",
		.help = "How long a run watches the new site before it commits.", .example = "30s"},
	{"rollback", DRO_FIELD_ENUM, AT(dro_safety, rollback), .words = switches, .fallback = "off",
		.help = "on: a failed apply puts back what it changed; off: what could be done "
			"stays, and the next pass goes on.",
		.example = "on"},
	{0},
};

static const struct dro_form safety = {.name = "safety",
	.help = "What keeps drorch from doing harm.",
	.fields = safety_fields,
	.size = sizeof(struct dro_safety),
	NOT_KEPT};

static const struct dro_field drill_fields[] = {
	{"site", DRO_FIELD_STRING, AT(dro_drill, site), NEED, .format = &dro_format_name,
		.help = "The standby site that is rehearsed.", .example = "tier2"},
	{"every", DRO_FIELD_DURATION, AT(dro_drill, every_ms), NEED, .min = 60 * MINUTE,
		.max = 366 * DAY, .help = "Time between two drills.", .example = "30d"},
	{"window", DRO_FIELD_STRING, AT(dro_drill, window), .format = &dro_format_window,
		.help = "When it may run, in UTC.", .example = "\"Sun 03:00-06:00\""},
	{"ttl", DRO_FIELD_DURATION, AT(dro_drill, ttl_ms), .min = MINUTE, .max = 30 * DAY,
		.fallback = "2h", .help = "When what it made is removed at the latest.",
		.example = "2h"},
	{0},
};

static const struct dro_form drill = {
	.name = "drill",
	.help = "A rehearsal that leaves traffic alone.",
	.fields = drill_fields,
	.size = sizeof(struct dro_drill),
	.key = offsetof(struct dro_drill, name),
	.place = offsetof(struct dro_drill, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

static const struct dro_field webhook_fields[] = {
	{"url", DRO_FIELD_SECRET, AT(dro_notify, webhook), NEED,
		.help = "The address: by reference, since it often holds a token.",
		.example = "{env: ONCALL_WEBHOOK}"},
	{0},
};

static const struct dro_form webhook = {.name = "webhook",
	.help = "A JSON message by POST.",
	.fields = webhook_fields,
	.size = sizeof(struct dro_notify),
	NOT_KEPT};

static const struct dro_field email_fields[] = {
	{"to", DRO_FIELD_STRINGS, ARRAY(dro_notify, to, to_count), NEED,
		.format = &dro_format_email, .max = 100, .help = "Who gets it.",
		.example = "[oncall@memphis.example]"},
	{"server", DRO_FIELD_STRING, AT(dro_notify, server), NEED, .format = &dro_format_smtp,
		.help = "The mail server.", .example = "\"smtps://mail.example:465\""},
	{0},
};

static const struct dro_form email = {.name = "email",
	.help = "A message by mail.",
	.fields = email_fields,
	.size = sizeof(struct dro_notify),
	NOT_KEPT};

static const struct dro_field notify_fields[] = {
	{"webhook", DRO_FIELD_OBJECT, HERE, .object = &webhook, .help = "This, or email."},
	{"email", DRO_FIELD_OBJECT, HERE, .object = &email, .help = "This, or webhook."},
	{"on", DRO_FIELD_FLAGS, AT(dro_notify, on), NEED, .words = occasions,
		.help = "What is told.", .example = "[health, run]"},
	{0},
};

static const struct dro_form notify = {
	.name = "notify",
	.help = "Whom drorch tells what happens.",
	.fields = notify_fields,
	.size = sizeof(struct dro_notify),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct dro_notify, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};

/* ---- services/NAME.yaml ---------------------------------------------------------------------- */

static const struct dro_field metadata_fields[] = {
	{"name", DRO_FIELD_STRING, AT(dro_service, name), NEED, .format = &dro_format_name,
		.help = "The service's name.", .example = "memphis"},
	{"owner", DRO_FIELD_STRING, AT(dro_service, owner), .format = &dro_format_text,
		.help = "Who is asked about it.", .example = "platform@memphis.example"},
	{"environment", DRO_FIELD_STRING, AT(dro_service, environment), .format = &dro_format_text,
		.help = "production, staging, …", .example = "production"},
	{0},
};

static const struct dro_form metadata = {.name = "metadata",
	.help = "Who this is.",
	.fields = metadata_fields,
	.size = sizeof(struct dro_service),
	NOT_KEPT};

static const struct dro_field service_fields[] = {
	{"apiVersion", DRO_FIELD_CONST, NEED, .fallback = DRO_API_VERSION,
		.help = "The version of this form."},
	{"kind", DRO_FIELD_CONST, NEED, .fallback = "Service", .help = "What the file holds."},
	{"metadata", DRO_FIELD_OBJECT, HERE, NEED, .object = &metadata, .help = "Name and owner."},
	{"objectives", DRO_FIELD_OBJECT, AT(dro_service, objectives),
		.object = &dro_form_objectives, .help = "Of every site that has none of its own."},
	{"sites", DRO_FIELD_MAP, ARRAY(dro_service, sites, site_count), NEED,
		.object = &dro_form_site, .max = 1000,
		.help = "Where it can run, by name; exactly one is the primary."},
	{"backups", DRO_FIELD_MAP, ARRAY(dro_service, backups, backup_count),
		.object = &dro_form_backup, .max = 100, .help = "Its backups, by name."},
	{"images", DRO_FIELD_MAP, ARRAY(dro_service, images, image_count),
		.object = &dro_form_image, .max = 100,
		.help = "The machine images that drorch builds, by name."},
	{"traffic", DRO_FIELD_MAP, ARRAY(dro_service, traffic, traffic_count), .object = &traffic,
		.max = 1000, .help = "Names that follow the active site."},
	{"dns", DRO_FIELD_MAP, ARRAY(dro_service, dns, dns_count), .object = &dns, .max = 10000,
		.help = "Records that stay as they are."},
	{"safety", DRO_FIELD_OBJECT, AT(dro_service, safety), .object = &safety,
		.help = "Limits to what is done without asking."},
	{"drills", DRO_FIELD_MAP, ARRAY(dro_service, drills, drill_count), .object = &drill,
		.max = 100, .help = "Rehearsals, by name."},
	{"notify", DRO_FIELD_LIST, ARRAY(dro_service, notify, notify_count), .object = &notify,
		.max = 100, .help = "Who is told."},
	{0},
};

const struct dro_form dro_form_service = {
	.name = "Service",
	.help = "services/NAME.yaml: one service, its sites, and how it is recovered.",
	.fields = service_fields,
	.size = sizeof(struct dro_service),
	.key = DRO_NO_OFFSET,
	.place = offsetof(struct dro_service, place),
	.given = DRO_NO_OFFSET,
	.settings = DRO_NO_OFFSET,
};
