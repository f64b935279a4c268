/* Pages that a bucket's website shows. */
#include <string.h>

#include "provider/internal.h"

/* What a plugin says of a place or a page goes here; a text that does not fit is no answer. */
struct taking {
	struct dro_invoke *invoke;
	struct dro_page_place *place;
	struct dro_page_seen *seen;
	bool given;
};

static void take(struct taking *taking, const char *what, char *to, size_t size, const char *text)
{
	size_t length = strlen(dro_text(text));

	if (length < size)
		memcpy(to, dro_text(text), length + 1);
	else if (taking->invoke->emit_rc == 0)
		taking->invoke->emit_rc = dro_fail(&taking->invoke->emit, DRO_EPROTO,
			"the plugin gave %s of %zu bytes", what, length);
}

static int take_website(void *arg, const struct dro_website *website)
{
	struct taking *taking = arg;
	struct dro_page_place *place = taking->place;

	if (website->size < sizeof(*website))
		return taking->invoke->emit_rc = dro_fail(
			       &taking->invoke->emit, DRO_EPROTO, "the plugin gave half a website");
	place->by_name = website->flags & DRO_WEBSITE_BY_NAME;
	take(taking, "a website's name", place->host, sizeof(place->host), website->host);
	take(taking, "an alias", place->alias, sizeof(place->alias), website->alias);
	take(taking, "an alias' zone", place->alias_zone, sizeof(place->alias_zone),
		website->alias_zone);
	taking->given = *place->host != '\0';
	return taking->invoke->emit_rc;
}

static int take_page(void *arg, const struct dro_page *page)
{
	struct taking *taking = arg;
	struct dro_page_seen *seen = taking->seen;

	if (page->size < sizeof(*page))
		return taking->invoke->emit_rc = dro_fail(
			       &taking->invoke->emit, DRO_EPROTO, "the plugin gave half a page");
	seen->there = page->state & DRO_PAGE_THERE;
	seen->shown = page->state & DRO_PAGE_SHOWN;
	seen->public = page->state & DRO_PAGE_PUBLIC;
	seen->other = page->state & DRO_PAGE_OTHER;
	take(taking, "a content type", seen->content_type, sizeof(seen->content_type),
		page->content_type);
	take(taking, "a mark", seen->owner, sizeof(seen->owner), page->owner);
	take(taking, "a hash", seen->sha256, sizeof(seen->sha256), page->sha256);
	taking->given = true;
	return taking->invoke->emit_rc;
}

/* A success that told nothing is none. */
static int told(const struct taking *taking, int rc)
{
	return rc == 0 && !taking->given
		       ? dro_fail(&taking->invoke->err, DRO_EPROTO, "the plugin gave no answer")
		       : rc;
}

int dro_provider_find_website(struct dro_provider *provider, const char *region, const char *bucket,
	struct dro_page_place *out, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_invoke invoke;
	struct taking taking = {.invoke = &invoke, .place = out};
	int rc;

	*out = (struct dro_page_place){0};
	if ((rc = dro_invoke_begin(&invoke, provider, "storage.find_website", 0,
		     storage->find_website, call)) == 0)
		rc = told(&taking,
			storage->find_website(provider->account, dro_text(region), dro_text(bucket),
				take_website, &taking, &invoke.call, &invoke.err));
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_get_page(struct dro_provider *provider, const struct dro_object_ref *ref,
	struct dro_page_seen *out, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_object_ref own = *ref;
	struct dro_invoke invoke;
	struct taking taking = {.invoke = &invoke, .seen = out};
	int rc;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	if ((rc = dro_invoke_begin(
		     &invoke, provider, "storage.get_page", 0, storage->get_page, call)) == 0)
		rc = told(&taking, storage->get_page(provider->account, &own, take_page, &taking,
					   &invoke.call, &invoke.err));
	return dro_invoke_end(&invoke, rc, err);
}

int dro_provider_put_page(struct dro_provider *provider, const struct dro_page *page,
	const void *content, size_t length, const struct dro_call *call, struct dro_error *err)
{
	const struct dro_storage *storage = &provider->plugin->storage;
	struct dro_page own = *page;
	struct dro_invoke invoke;
	int rc;

	own.size = sizeof(own);
	own.region = dro_text(own.region);
	if ((rc = dro_invoke_begin(&invoke, provider, "storage.put_page", DRO_INVOKE_MUTATION,
		     storage->put_page, call)) == 0)
		rc = storage->put_page(
			provider->account, &own, content, length, &invoke.call, &invoke.err);
	return dro_invoke_end(&invoke, rc, err);
}
