#include "agent/peers.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "agent/guard.h"
#include "agent/heard.h"
#include "base/clock.h"

struct asker {
	struct agent_peers *all;
	const struct agent_peer *peer;
	void *handle;
	uint64_t answered; /* the last question it is done with */
	bool was_well, told;
};

struct agent_peers {
	const struct agent_config *config;
	const struct agent_driver *driver;
	const struct dro_log *log;
	pthread_mutex_t lock; /* of all below, and the askers' `answered` */
	pthread_cond_t changed;
	bool stopping;
	uint64_t question;
	int64_t id, confirmed_ms;
	size_t users; /* the owner and the threads that run */
	size_t count;
	struct asker askers[];
};

/* With the lock held, which it gives up. The last one out frees it. */
static void leave(struct agent_peers *peers)
{
	bool last = --peers->users == 0;
	size_t i;

	pthread_cond_broadcast(&peers->changed);
	pthread_mutex_unlock(&peers->lock);
	if (!last)
		return;
	for (i = 0; i < peers->count; i++)
		peers->driver->close(peers->askers[i].handle);
	pthread_cond_destroy(&peers->changed);
	pthread_mutex_destroy(&peers->lock);
	free(peers);
}

static void tell(struct asker *asker, int rc, bool yes, const struct dro_error *err)
{
	const struct dro_log *log = asker->all->log;

	if (asker->told && asker->was_well == yes)
		return;
	asker->told = true;
	asker->was_well = yes;
	if (yes)
		dro_log(log, DRO_LOG_INFO, "peer %s:%d follows this host", asker->peer->host,
			asker->peer->port);
	else
		dro_log(log, DRO_LOG_WARNING, "peer %s:%d does not confirm this host: %s",
			asker->peer->host, asker->peer->port,
			rc < 0 ? err->message : "it does not follow it");
}

static void *ask(void *arg)
{
	struct asker *asker = arg;
	struct agent_peers *peers = asker->all;

	pthread_mutex_lock(&peers->lock);
	for (;;) {
		struct dro_error err = DRO_ERROR_INIT;
		int64_t id, asked_ms;
		uint64_t question;
		bool yes = false;
		int rc;

		while (!peers->stopping && asker->answered == peers->question)
			pthread_cond_wait(&peers->changed, &peers->lock);
		if (peers->stopping)
			break;
		question = peers->question;
		id = peers->id;
		pthread_mutex_unlock(&peers->lock);
		asked_ms = agent_boot_ms();
		rc = peers->driver->confirms(
			asker->handle, id, &yes, dro_now_ms() + AGENT_WATCH_ASK_MS, &err);
		tell(asker, rc, rc == 0 && yes, &err);
		pthread_mutex_lock(&peers->lock);
		asker->answered = question;
		if (rc == 0 && yes && asked_ms > peers->confirmed_ms)
			peers->confirmed_ms = asked_ms;
		pthread_cond_broadcast(&peers->changed);
	}
	leave(peers);
	return NULL;
}

static int start(struct agent_peers *peers, size_t i, struct dro_error *err)
{
	struct asker *asker = &peers->askers[i];
	pthread_t thread;
	int rc;

	*asker = (struct asker){.all = peers, .peer = &peers->config->self_fence.peers[i]};
	rc = peers->driver->open_peer(&asker->handle, &peers->config->database, asker->peer->host,
		asker->peer->port, err);
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&peers->lock);
	peers->count++;
	rc = pthread_create(&thread, NULL, ask, asker);
	if (rc == 0) {
		pthread_detach(thread);
		peers->users++;
	}
	pthread_mutex_unlock(&peers->lock);
	return rc ? dro_fail(err, DRO_EAGAIN, "no thread for a peer") : 0;
}

int agent_peers_start(struct agent_peers **out, const struct agent_config *config,
	const struct agent_driver *driver, const struct dro_log *log, struct dro_error *err)
{
	size_t count = config->self_fence.peer_count, i;
	struct agent_peers *peers = calloc(1, sizeof(*peers) + count * sizeof(peers->askers[0]));
	pthread_condattr_t clock;
	int rc = 0;

	if (!peers)
		return dro_fail(err, DRO_ENOMEM, "out of memory");
	peers->config = config;
	peers->driver = driver;
	peers->log = log;
	peers->users = 1;
	pthread_mutex_init(&peers->lock, NULL);
	pthread_condattr_init(&clock);
	pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
	pthread_cond_init(&peers->changed, &clock);
	pthread_condattr_destroy(&clock);
	for (i = 0; rc == 0 && i < count; i++)
		rc = start(peers, i, err);
	if (rc < 0) {
		agent_peers_stop(peers);
		return rc;
	}
	*out = peers;
	return 0;
}

void agent_peers_ask(struct agent_peers *peers, int64_t id)
{
	if (!id)
		return;
	pthread_mutex_lock(&peers->lock);
	peers->id = id;
	peers->question++;
	pthread_cond_broadcast(&peers->changed);
	pthread_mutex_unlock(&peers->lock);
}

static bool all_answered(const struct agent_peers *peers)
{
	size_t i;

	for (i = 0; i < peers->count; i++)
		if (peers->askers[i].answered != peers->question)
			return false;
	return true;
}

int64_t agent_peers_confirmed(struct agent_peers *peers, int64_t since_ms, uint64_t deadline_ms)
{
	struct timespec until = {
		(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000) * 1000000};
	int64_t confirmed;

	pthread_mutex_lock(&peers->lock);
	while (deadline_ms && peers->confirmed_ms <= since_ms && !all_answered(peers) &&
		pthread_cond_timedwait(&peers->changed, &peers->lock, &until) != ETIMEDOUT)
		;
	confirmed = peers->confirmed_ms;
	pthread_mutex_unlock(&peers->lock);
	return confirmed;
}

void agent_peers_stop(struct agent_peers *peers)
{
	struct timespec until;
	uint64_t deadline_ms = dro_now_ms() + 2 * AGENT_WATCH_ASK_MS;

	if (!peers)
		return;
	until = (struct timespec){
		(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000) * 1000000};
	pthread_mutex_lock(&peers->lock);
	peers->stopping = true;
	pthread_cond_broadcast(&peers->changed);
	while (peers->users > 1 &&
		pthread_cond_timedwait(&peers->changed, &peers->lock, &until) != ETIMEDOUT)
		;
	leave(peers);
}
