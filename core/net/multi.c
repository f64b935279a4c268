#include "net/multi.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#define POLL_MS 1000 /* only a net: a new transfer wakes the thread */
#define MAX_IDLE_CONNECTIONS 32L
#define MAX_HOST_CONNECTIONS 64L

struct transfer {
	CURL *easy;
	CURLcode result;
	bool done;
	pthread_cond_t ended;
	struct transfer *next;
};

struct dro_multi {
	const struct dro_curl *curl;
	CURLM *handle;
	pthread_t thread;
	pthread_mutex_t lock;
	struct transfer *waiting; /* not yet given to libcurl */
	bool stopping;
};

static void finish(struct dro_multi *multi, struct transfer *transfer, CURLcode result)
{
	pthread_mutex_lock(&multi->lock);
	transfer->result = result;
	transfer->done = true;
	pthread_cond_signal(&transfer->ended);
	pthread_mutex_unlock(&multi->lock);
}

/* Gives libcurl what is waiting; false: it is time to stop. */
static bool take_waiting(struct dro_multi *multi)
{
	struct transfer *transfer, *next;
	bool stopping;

	pthread_mutex_lock(&multi->lock);
	transfer = multi->waiting;
	multi->waiting = NULL;
	stopping = multi->stopping;
	pthread_mutex_unlock(&multi->lock);
	for (; transfer; transfer = next) {
		next = transfer->next;
		if (multi->curl->multi_add_handle(multi->handle, transfer->easy) != CURLM_OK)
			finish(multi, transfer, CURLE_OUT_OF_MEMORY);
	}
	return !stopping;
}

static void reap(struct dro_multi *multi)
{
	const struct dro_curl *curl = multi->curl;
	CURLMsg *message;
	int left;

	while ((message = curl->multi_info_read(multi->handle, &left))) {
		/* The message goes with the handle's removal. */
		CURLcode result = message->data.result;
		CURL *easy = message->easy_handle;
		char *transfer = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl->easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
		curl->multi_remove_handle(multi->handle, easy);
		finish(multi, (struct transfer *)transfer, result);
	}
}

static void *work(void *arg)
{
	const struct timespec pause = {0, 10000000};
	struct dro_multi *multi = arg;
	int running;

	while (take_waiting(multi)) {
		multi->curl->multi_perform(multi->handle, &running);
		reap(multi);
		if (multi->curl->multi_poll(multi->handle, NULL, 0, POLL_MS, NULL) != CURLM_OK)
			nanosleep(&pause, NULL);
	}
	/* Here, where SIGPIPE is blocked: closing a TLS connection writes. */
	multi->curl->multi_cleanup(multi->handle);
	return NULL;
}

/* The thread takes no signal: those are for main, and SIGPIPE for nobody. */
static int start_thread(struct dro_multi *multi)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&multi->thread, NULL, work, multi);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

int dro_multi_new(struct dro_multi **out, const struct dro_curl *curl, struct dro_error *err)
{
	struct dro_multi *multi = calloc(1, sizeof(*multi));

	if (!multi)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	multi->curl = curl;
	multi->handle = curl->multi_init();
	if (!multi->handle) {
		free(multi);
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	}
	curl->multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, MAX_IDLE_CONNECTIONS);
	curl->multi_setopt(multi->handle, CURLMOPT_MAX_HOST_CONNECTIONS, MAX_HOST_CONNECTIONS);
	pthread_mutex_init(&multi->lock, NULL);
	if (start_thread(multi) != 0) {
		curl->multi_cleanup(multi->handle);
		pthread_mutex_destroy(&multi->lock);
		free(multi);
		return dro_fail(err, DRO_ENOMEM, "no thread could be started");
	}
	*out = multi;
	return 0;
}

CURLcode dro_multi_run(struct dro_multi *multi, CURL *easy)
{
	struct transfer transfer = {.easy = easy};

	if (multi->curl->easy_setopt(easy, CURLOPT_PRIVATE, (void *)&transfer) != CURLE_OK)
		return CURLE_OUT_OF_MEMORY;
	pthread_cond_init(&transfer.ended, NULL);
	pthread_mutex_lock(&multi->lock);
	transfer.next = multi->waiting;
	multi->waiting = &transfer;
	pthread_mutex_unlock(&multi->lock);
	multi->curl->multi_wakeup(multi->handle);
	pthread_mutex_lock(&multi->lock);
	while (!transfer.done)
		pthread_cond_wait(&transfer.ended, &multi->lock);
	pthread_mutex_unlock(&multi->lock);
	pthread_cond_destroy(&transfer.ended);
	return transfer.result;
}

void dro_multi_free(struct dro_multi *multi)
{
	if (!multi)
		return;
	pthread_mutex_lock(&multi->lock);
	multi->stopping = true;
	pthread_mutex_unlock(&multi->lock);
	multi->curl->multi_wakeup(multi->handle);
	pthread_join(multi->thread, NULL);
	pthread_mutex_destroy(&multi->lock);
	free(multi);
}
