#include <check.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "spec/load.h"
#include "spec/starter.h"

#define EXAMPLE TEST_SOURCE_DIR "/../examples/booking-saas/"
#define CORPUS TEST_SOURCE_DIR "/unit/spec/"

static struct dro_tree *tree;
static struct dro_report report;
static struct dro_spec *spec;
static struct dro_error err = DRO_ERROR_INIT;

static void set_up(void)
{
	ck_assert_int_eq(dro_tree_new(&tree, "", "", &err), 0);
	report = (struct dro_report)DRO_REPORT_INIT;
	spec = NULL;
}

static void tear_down(void)
{
	dro_spec_free(spec);
	dro_report_fini(&report);
	dro_tree_free(tree);
}

static char *read_text(const char *path)
{
	struct dro_buf text = DRO_BUF_INIT(4u << 20);

	ck_assert_msg(dro_file_read(&text, path, &err) == 0, "%s", err.message);
	dro_buf_append(&text, "", 0);
	return dro_buf_take(&text);
}

static void add_file(const char *name, const char *path)
{
	char *text = read_text(path);

	ck_assert_int_eq(dro_tree_add(tree, name, text, strlen(text), &err), 0);
	free(text);
}

static void add_text(const char *name, const char *text)
{
	ck_assert_int_eq(dro_tree_add(tree, name, text, strlen(text), &err), 0);
}

static char *load(void)
{
	struct dro_buf text = DRO_BUF_INIT(4u << 20);
	int rc = dro_spec_load(&spec, tree, &report, &err);

	ck_assert_int_eq(rc, dro_report_total(&report) ? DRO_EINVAL : 0);
	ck_assert_int_eq(rc == 0, spec != NULL);
	dro_buf_append(&text, "", 0);
	dro_report_print(&report, &text);
	return dro_buf_take(&text);
}

static void load_example(void)
{
	char *text;

	add_file("providers.yaml", EXAMPLE "providers.yaml");
	add_file("services/memphis.yaml", EXAMPLE "services/memphis.yaml");
	add_file("pages/notice.html", EXAMPLE "pages/notice.html");
	text = load();
	ck_assert_str_eq(text, "");
	free(text);
}

START_TEST(loads_the_starter)
{
	const struct dro_starter_file *file;
	char *text;

	for (file = dro_starter_files; file->path; file++)
		ck_assert_int_eq(dro_tree_add(tree, file->path, file->data, file->length, &err), 0);
	text = load();
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(spec->services[0].safety.automatic_failover, DRO_AUTOMATIC_OFF);
	free(text);
}
END_TEST

START_TEST(loads_accounts)
{
	const struct dro_account *account;

	load_example();
	ck_assert_uint_eq(spec->account_count, 4);
	account = dro_spec_account(spec, "aws");
	ck_assert_str_eq(account->plugin, "aws");
	ck_assert_uint_eq(account->setting_count, 1);
	ck_assert_str_eq(account->settings[0].name, "region");
	ck_assert_str_eq(account->settings[0].value, "us-west-2");
	ck_assert_int_eq(account->settings[0].place.line, 10);
	ck_assert_uint_eq(account->credential_count, 2);
	ck_assert_int_eq(account->credentials[0].ref.kind, DRO_SECRET_ENV);
	ck_assert_str_eq(account->credentials[0].ref.value, "AWS_ACCESS_KEY_ID");
	ck_assert_int_eq(account->credentials[1].ref.kind, DRO_SECRET_FILE);
	account = dro_spec_account(spec, "route53");
	ck_assert_int_eq(account->credentials[1].ref.kind, DRO_SECRET_COMMAND);
	ck_assert_str_eq(account->credentials[1].ref.argv[2], "aws/dr");
	ck_assert_int_eq(account->budget.per_second, 4);
	ck_assert_int_eq(account->budget.burst, 20);
	ck_assert_ptr_null(account->credentials[1].ref.argv[3]);
	ck_assert_int_eq(
		dro_spec_account(spec, "cloudflare")->credentials[0].ref.kind, DRO_SECRET_SYSTEMD);
	ck_assert_int_eq(dro_spec_account(spec, "cloudflare")->budget.per_second, 20);
	ck_assert_int_eq(dro_spec_account(spec, "cloudflare")->budget.burst, 100);
	ck_assert_ptr_null(dro_spec_account(spec, "azure"));
}
END_TEST

START_TEST(loads_sites)
{
	const struct dro_service *service;
	const struct dro_site *site;

	load_example();
	service = dro_spec_service(spec, "memphis");
	ck_assert_ptr_nonnull(service);
	ck_assert_ptr_null(dro_spec_service(spec, "other"));
	ck_assert_str_eq(service->owner, "platform@memphis.example");
	ck_assert_int_eq(service->objectives.rto_ms, 120000);
	ck_assert_int_eq(service->objectives.rpo_ms, 0);
	ck_assert_uint_eq(service->site_count, 4);
	site = dro_service_primary(service);
	ck_assert_str_eq(site->name, "main");
	ck_assert_int_eq(site->strategy, DRO_STRATEGY_NONE);
	ck_assert_str_eq(site->groups[0].name, "web");
	ck_assert_str_eq(site->groups[0].image, "private/memphis-site");
	ck_assert(!site->groups[0].image_newest);
	ck_assert(site->agent.given);
	ck_assert_str_eq(site->agent.ssh_user, "drorch");
	ck_assert_str_eq(site->agent.identity.value, "/etc/drorch/ssh/id_ed25519");
	ck_assert_int_eq(site->agent.progress_port, 8480);
	ck_assert_int_eq(site->health.interval_ms, 5000);
	ck_assert_int_eq(site->health.fail_after, 3);
	ck_assert_int_eq(site->health.need, 2);
	ck_assert_str_eq(site->health.host, "www.memphis.example");
	ck_assert_str_eq(site->health.site_header, "X-Drorch-Site");
	site = dro_service_site(service, "dr");
	ck_assert_str_eq(site->follows, "main");
	ck_assert_int_eq(site->objectives.rto_ms, 120000);
	ck_assert_int_eq(site->health.interval_ms, 10000);
	site = dro_service_site(service, "tier2");
	ck_assert_int_eq(site->strategy, DRO_STRATEGY_BACKUP_RESTORE);
	ck_assert_str_eq(site->restores, "offsite");
	ck_assert_int_eq(site->objectives.rpo_ms, 26 * 3600000LL);
	ck_assert_str_eq(site->groups[0].image, "memphis-site");
	ck_assert(site->groups[0].image_newest);
	ck_assert_int_eq(site->place.line, 33);
	ck_assert_int_eq(site->place.column, 3);
	site = dro_service_site(service, "notice");
	ck_assert_str_eq(site->page, "pages/notice.html");
	ck_assert(!site->health.given);
	ck_assert_ptr_null(dro_service_site(service, "none"));
}
END_TEST

START_TEST(loads_the_rest)
{
	const struct dro_service *service;
	const struct dro_backup_policy *backup;
	const struct dro_traffic *traffic;

	load_example();
	service = &spec->services[0];
	backup = dro_service_backup(service, "offsite");
	ck_assert_str_eq(backup->source, "dr");
	ck_assert_str_eq(backup->bucket, "memphis-dr");
	ck_assert_str_eq(backup->prefix, "offsite/");
	ck_assert_int_eq(backup->every_ms, 86400000);
	ck_assert_str_eq(backup->at, "02:00");
	ck_assert_int_eq(backup->keep_monthly, 12);
	ck_assert_int_eq(backup->shrink_percent, 50);
	ck_assert_str_eq(backup->encryption_key.value, "/etc/drorch/backup.key");
	ck_assert_int_eq(backup->restore_test_ms, 7 * 86400000LL);
	ck_assert_str_eq(service->images[0].playbook, "playbooks/site.yml");
	ck_assert_int_eq(service->images[0].keep, 3);
	traffic = &service->traffic[0];
	ck_assert_str_eq(traffic->key, "www");
	ck_assert_str_eq(traffic->type, "A");
	ck_assert_int_eq(traffic->policy, DRO_POLICY_FAILOVER);
	ck_assert_uint_eq(traffic->path_count, 2);
	ck_assert(traffic->paths[0].proxied);
	ck_assert_int_eq(traffic->paths[0].ttl_ms, DRO_UNSET);
	ck_assert_int_eq(traffic->paths[1].ttl_ms, 60000);
	ck_assert_str_eq(traffic->verify.scheme, "https");
	ck_assert_int_eq(traffic->verify.timeout_ms, 120000);
	ck_assert_str_eq(service->dns[0].values[1], "20 mx2.memphis.example");
	ck_assert_str_eq(service->dns[0].providers[1], "route53");
	ck_assert_int_eq(service->safety.automatic_failover, DRO_AUTOMATIC_OBSERVE);
	ck_assert_int_eq(service->safety.max_changes_percent, 30);
	ck_assert_int_eq(service->safety.max_changes, DRO_UNSET);
	ck_assert_int_eq(service->safety.monitor_ms, 30000);
	ck_assert_str_eq(service->drills[0].window, "Sun 03:00-06:00");
	ck_assert_uint_eq(service->notify_count, 2);
	ck_assert_int_eq(service->notify[0].webhook.kind, DRO_SECRET_ENV);
	ck_assert_uint_eq(service->notify[0].on,
		DRO_NOTIFY_HEALTH | DRO_NOTIFY_RUN | DRO_NOTIFY_DRILL | DRO_NOTIFY_BACKUP);
	ck_assert_str_eq(service->notify[1].to[0], "oncall@memphis.example");
	ck_assert_uint_eq(service->notify[1].on, DRO_NOTIFY_RUN);
}
END_TEST

/* Every NAME.yaml of the corpus against NAME.expected: the whole report, word for word. */
START_TEST(says_what_is_wrong)
{
	glob_t files;
	size_t i;

	ck_assert_int_eq(glob(CORPUS "bad/*.yaml", 0, NULL, &files), 0);
	ck_assert_uint_gt(files.gl_pathc, 10);
	for (i = 0; i < files.gl_pathc; i++) {
		char *got, *expected, path[4096];

		if (i) {
			tear_down();
			set_up();
		}
		add_file("providers.yaml", CORPUS "providers.yaml");
		add_file("services/x.yaml", files.gl_pathv[i]);
		snprintf(path, sizeof(path), "%.*sexpected", (int)strlen(files.gl_pathv[i]) - 4,
			files.gl_pathv[i]);
		got = load();
		expected = read_text(path);
		ck_assert_msg(strcmp(got, expected) == 0, "%s: got\n%sexpected\n%s",
			files.gl_pathv[i], got, expected);
		free(got);
		free(expected);
	}
	globfree(&files);
}
END_TEST

START_TEST(names_missing_files)
{
	char *text = load();

	ck_assert_ptr_nonnull(strstr(text, "providers.yaml: the file is missing"));
	ck_assert_ptr_nonnull(strstr(text, "services/: there is no service"));
	free(text);
}
END_TEST

START_TEST(refuses_two_providers_files)
{
	char *text;

	add_file("providers.yml", EXAMPLE "providers.yaml");
	add_file("providers.yaml", EXAMPLE "providers.yaml");
	add_file("services/memphis.yml", EXAMPLE "services/memphis.yaml");
	add_file("pages/notice.html", EXAMPLE "pages/notice.html");
	text = load();
	ck_assert_str_eq(
		text, "providers.yaml: there is providers.yml already: keep one of them\n");
	free(text);
}
END_TEST

/* With the page's own place, and the page's content where it is good. */
START_TEST(a_page_is_part_of_the_spec)
{
	static const struct {
		const char *page, *file, *data, *says;
	} rows[] = {
		{"pages/a.html", "pages/b.html", NULL, NULL}, /* plan tells */
		{"pages/a.html", "pages/a.html", "", "the page pages/a.html is empty"},
		{"pages/a.png", "pages/a.png", "x", "a page's name ends in .html, .htm or .txt"},
		{"sites/a.html", "sites/a.html", "x", "a page stands below pages/"},
		{"pages/a.txt", "pages/a.txt", "Back soon.\n", NULL},
	};
	const struct dro_site *site;
	char *text, *made;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		tear_down();
		set_up();
		ck_assert_int_gt(
			asprintf(&made,
				"apiVersion: drorch/v1\nkind: Service\n"
				"metadata: {name: x}\nsites:\n"
				"  main: {role: primary, provider: aws, "
				"health: {http: {}}, instances: {w: {type: t, image: i}}}\n"
				"  notice: {strategy: static-page, provider: aws, bucket: "
				"www.x.example, page: %s}\n",
				rows[i].page),
			0);
		add_file("providers.yaml", CORPUS "providers.yaml");
		add_text("services/x.yaml", made);
		add_text(rows[i].file, rows[i].data ? rows[i].data : "x");
		text = load();
		if (rows[i].says) {
			ck_assert_msg(strncmp(text, "services/x.yaml:6:", 18) == 0, "%s", text);
			ck_assert_msg(strstr(text, rows[i].says) != NULL, "%s", text);
		} else {
			ck_assert_str_eq(text, "");
			site = &spec->services[0].sites[1];
			ck_assert_pstr_eq(site->page_data, rows[i].data);
			ck_assert_uint_eq(
				site->page_length, rows[i].data ? strlen(rows[i].data) : 0);
			ck_assert_uint_eq(strlen(site->page_sha256), rows[i].data ? 64 : 0);
		}
		free(text);
		free(made);
	}
}
END_TEST

START_TEST(gathers_errors_of_all_files)
{
	char *text;

	add_text("providers.yaml", "apiVersion: drorch/v1\nkind: Provider\nproviders: {a: "
				   "{plugin: aws, credentials: {token: hunter2}}}\n");
	add_text("services/a.yaml", "a: [\n");
	add_text("services/b.yaml", "");
	add_text("services/c.yaml", "- 1\n");
	add_text("README.md", "\tnot read");
	text = load();
	ck_assert_str_eq(text,
		"providers.yaml:2:7: 'kind': 'Provider' instead of 'Providers'\n"
		"providers.yaml:3:51: a secret is given by reference, never as its value: one of "
		"{env: NAME}, {file: /PATH}, {systemd: NAME}, {command: [PROGRAM, ARGUMENT]}\n"
		"services/a.yaml:2:1: a value, or the bracket that closes what was opened, is "
		"missing\n"
		"services/b.yaml: the file is empty\n"
		"services/c.yaml:1:1: 'Service': expected a mapping (key: value), not a list\n");
	ck_assert_ptr_null(strstr(text, "hunter2"));
	free(text);
}
END_TEST

static char *service_text(const char *name, const char *dns)
{
	char *text = NULL;

	ck_assert_int_gt(
		asprintf(&text,
			"apiVersion: drorch/v1\nkind: Service\nmetadata: {name: %s}\nsites:\n"
			"  main:\n    role: primary\n    provider: aws\n    instances: {web: "
			"{type: t, image: i}}\n    health: {http: {}}\ntraffic:\n  www:\n    "
			"name: %s\n    paths: [{provider: cloudflare, zone: x.example}]\n",
			name, dns),
		0);
	return text;
}

START_TEST(refuses_names_claimed_twice)
{
	char *a = service_text("a", "www.x.example"), *b = service_text("a", "www.x.example");
	char *text;

	add_file("providers.yaml", CORPUS "providers.yaml");
	add_text("services/a.yaml", a);
	add_text("services/b.yaml", b);
	text = load();
	ck_assert_str_eq(text, "services/b.yaml:3:18: the service's name 'a' is taken already "
			       "(services/a.yaml:3:18)\nservices/b.yaml:12:11: the name "
			       "'www.x.example' is taken already (services/a.yaml:12:11)\n");
	free(text);
	free(a);
	free(b);
}
END_TEST

START_TEST(takes_thousands_of_services)
{
	char *text;
	int i;

	add_file("providers.yaml", CORPUS "providers.yaml");
	for (i = 0; i < 2000; i++) {
		char file[64], name[32], dns[64];
		char *service;

		snprintf(file, sizeof(file), "services/s%d.yaml", i);
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(dns, sizeof(dns), "s%d.x.example", i);
		service = service_text(name, dns);
		add_text(file, service);
		free(service);
	}
	text = load();
	ck_assert_str_eq(text, "");
	ck_assert_str_eq(dro_spec_service(spec, "s1234")->traffic[0].name, "s1234.x.example");
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("spec");
	TCase *tcase = tcase_create("load");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, loads_the_starter);
	tcase_add_test(tcase, loads_accounts);
	tcase_add_test(tcase, loads_sites);
	tcase_add_test(tcase, loads_the_rest);
	tcase_add_test(tcase, says_what_is_wrong);
	tcase_add_test(tcase, names_missing_files);
	tcase_add_test(tcase, refuses_two_providers_files);
	tcase_add_test(tcase, a_page_is_part_of_the_spec);
	tcase_add_test(tcase, gathers_errors_of_all_files);
	tcase_add_test(tcase, refuses_names_claimed_twice);
	tcase_add_test(tcase, takes_thousands_of_services);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
