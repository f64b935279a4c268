/* What came with ABI 1.2: pages that a bucket's website shows, marks on instances. */
#include "abi/kit.h"

START_TEST(pages)
{
	struct dro_provider *provider = opened("good");
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "b", .key = "drorch:x/notice"};
	struct dro_page page = {.size = sizeof(page), .bucket = "b", .key = "k"};
	struct dro_call call = call_of("key-1"), keyless = call_of(NULL);
	struct dro_page_place place;
	struct dro_page_seen seen;

	ck_assert_int_eq(dro_provider_find_website(provider, "r1", "b", &place, &keyless, &err), 0);
	ck_assert(place.by_name);
	ck_assert_str_eq(place.host, "xx");
	ck_assert_str_eq(place.alias, "");
	ck_assert_str_eq(place.alias_zone, "Z1");
	ck_assert_int_eq(dro_provider_find_website(provider, "r1", "long", &place, &keyless, &err),
		DRO_EPROTO);
	ck_assert_int_eq(
		dro_provider_find_website(provider, "r1", "silent", &place, &keyless, &err),
		DRO_EPROTO);
	ck_assert_int_eq(dro_provider_get_page(provider, &ref, &seen, &keyless, &err), 0);
	ck_assert(seen.there && seen.public && !seen.shown && !seen.other);
	ck_assert_str_eq(seen.owner, "drorch:x/notice");
	ck_assert_str_eq(seen.sha256, "");
	ck_assert(!last.mutation);
	ref.key = "odd";
	ck_assert_int_eq(dro_provider_get_page(provider, &ref, &seen, &keyless, &err), DRO_EPROTO);
	ck_assert_int_eq(dro_provider_put_page(provider, &page, "<p>", 3, &call, &err), 0);
	ck_assert_str_eq(last_function, "storage.put_page");
	ck_assert(last.mutation);
	ck_assert_int_eq(
		dro_provider_put_page(provider, &page, "<b>", 3, &call, &err), DRO_ECONFLICT);
	/* Not without a key, nor once the lease is lost. */
	ck_assert_int_eq(
		dro_provider_put_page(provider, &page, "<p>", 3, &keyless, &err), DRO_EINVAL);
	lease = DRO_EBUSY;
	ck_assert_int_eq(dro_provider_put_page(provider, &page, "<p>", 3, &call, &err), DRO_EBUSY);
	dro_provider_close(provider);
}
END_TEST

START_TEST(puts_marks)
{
	const struct dro_pair tag = {"drorch:site", "main"};
	const char *id = "i-1", *drop = "drorch:run";
	struct dro_provider *provider = opened("good");
	struct dro_call call = call_of("key-1"), keyless = call_of(NULL);
	struct dro_instance_marks marks = {.ids = &id,
		.id_count = 1,
		.tags = &tag,
		.tag_count = 1,
		.drop = &drop,
		.drop_count = 1};

	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err), 0);
	ck_assert_str_eq(last_function, "compute.mark_instances");
	ck_assert(last.mutation);
	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &keyless, &err), DRO_EINVAL);
	id = "gone";
	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err), DRO_ENOTFOUND);
	ck_assert_str_eq(err.message, "main: no gone in \"\": not drorch:site=main, 1 go");
	lease = DRO_EBUSY;
	ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err), DRO_EBUSY);
	dro_provider_close(provider);
}
END_TEST

START_TEST(what_older_ones_did_not_have_is_unsupported)
{
	static const char *const plugins[] = {"older", "abi_1_0"};
	struct dro_object_ref ref = {.size = sizeof(ref), .bucket = "b", .key = "k"};
	struct dro_page page = {.size = sizeof(page), .bucket = "b", .key = "k"};
	struct dro_call call = call_of("key-1");
	size_t i;

	for (i = 0; i < 2; i++) {
		struct dro_provider *provider = opened(plugins[i]);
		const char *id = "i-1";
		struct dro_instance_marks marks = {.ids = &id, .id_count = 1};
		struct dro_page_place place;
		struct dro_page_seen seen;

		ck_assert_int_eq(dro_provider_mark_instances(provider, &marks, &call, &err),
			DRO_EUNSUPPORTED);
		ck_assert_ptr_nonnull(strstr(err.message, "has no compute.mark_instances"));
		ck_assert_int_eq(
			dro_provider_find_website(provider, "r1", "b", &place, &call, &err),
			DRO_EUNSUPPORTED);
		ck_assert_int_eq(dro_provider_get_page(provider, &ref, &seen, &call, &err),
			DRO_EUNSUPPORTED);
		ck_assert_int_eq(dro_provider_put_page(provider, &page, "", 0, &call, &err),
			DRO_EUNSUPPORTED);
		dro_provider_close(provider);
	}
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("invoke_1_2");

	tcase_add_test(tcase, pages);
	tcase_add_test(tcase, puts_marks);
	tcase_add_test(tcase, what_older_ones_did_not_have_is_unsupported);
	return run_case("invoke_1_2", tcase);
}
