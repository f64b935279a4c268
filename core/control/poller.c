/* The thread that asks git: on a period with jitter, and when somebody says that there is news. */
#include <signal.h>
#include <string.h>

#include "control/internal.h"

#define GAP_MS 1000	 /* of many who call, one is heard in this time */
#define ASK_MAX_MS 90000 /* git's child has deadlines of its own; this is past them all */

static void wait_until(struct control_poller *poller, uint64_t ms)
{
	struct timespec until = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};

	pthread_cond_timedwait(&poller->wake, &poller->lock, &until);
}

/* The commit that counts now is the newest one that was handed over. */
static void ask(struct dro_controller *controller, struct dro_error *err)
{
	struct control_poller *poller = &controller->poller;
	const struct dro_controller_ops *ops = controller->config.ops;
	struct dro_spec *spec = NULL;
	char have[CONTROL_COMMIT];
	int rc;

	memcpy(have, poller->have, sizeof(have));
	poller->wanted = false;
	poller->asking_ms = control_now();
	pthread_mutex_unlock(&poller->lock);
	rc = ops->poll(ops->arg, have, &spec, err);
	if (rc < 0)
		dro_log(controller->config.log, DRO_LOG_DEBUG, "git: %s", err->message);
	pthread_mutex_lock(&poller->lock);
	poller->asking_ms = 0;
	if (!spec)
		return;
	if (strlen(spec->commit) < sizeof(poller->have))
		memcpy(poller->have, spec->commit, strlen(spec->commit) + 1);
	dro_spec_free(poller->news);
	poller->news = spec;
	control_wake(controller);
}

static void *poll_git(void *arg)
{
	struct dro_controller *controller = arg;
	struct control_poller *poller = &controller->poller;
	uint64_t random = (uint64_t)dro_wall_ms(), period = controller->config.poll_ms, next, gap;

	pthread_mutex_lock(&poller->lock);
	while (!poller->stopping) {
		struct dro_error err = DRO_ERROR_INIT;
		uint64_t began = control_now();

		/* A tenth of jitter: controllers that were started together part. */
		random = random * 6364136223846793005u + 1442695040888963407u;
		next = began + period - period / 10 + (random >> 33) % (period / 5 + 1);
		gap = began + GAP_MS;
		while (!poller->stopping &&
			control_now() < (poller->wanted && gap < next ? gap : next))
			wait_until(poller, poller->wanted && gap < next ? gap : next);
		if (!poller->stopping)
			ask(controller, &err);
	}
	pthread_mutex_unlock(&poller->lock);
	return NULL;
}

int control_poller_start(struct dro_controller *controller, struct dro_error *err)
{
	struct control_poller *poller = &controller->poller;
	sigset_t all, before;
	int rc;

	memcpy(poller->have, controller->spec->spec->commit,
		strnlen(controller->spec->spec->commit, sizeof(poller->have) - 1));
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(&poller->thread, NULL, poll_git, controller);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	poller->started = rc == 0;
	return rc ? dro_fail(err, DRO_ENOMEM, "no thread could be started") : 0;
}

void control_poller_want(struct dro_controller *controller)
{
	struct control_poller *poller = &controller->poller;

	pthread_mutex_lock(&poller->lock);
	poller->wanted = true;
	pthread_cond_signal(&poller->wake);
	pthread_mutex_unlock(&poller->lock);
}

struct dro_spec *control_poller_news(struct dro_controller *controller)
{
	struct control_poller *poller = &controller->poller;
	struct dro_spec *news;

	pthread_mutex_lock(&poller->lock);
	news = poller->news;
	poller->news = NULL;
	pthread_mutex_unlock(&poller->lock);
	return news;
}

bool control_poller_well(struct dro_controller *controller)
{
	struct control_poller *poller = &controller->poller;
	bool well;

	pthread_mutex_lock(&poller->lock);
	well = !poller->asking_ms || control_now() < poller->asking_ms + ASK_MAX_MS;
	pthread_mutex_unlock(&poller->lock);
	return well;
}

bool control_poller_stop(struct dro_controller *controller, bool wait)
{
	struct control_poller *poller = &controller->poller;
	bool asking;

	if (!poller->started)
		return true;
	pthread_mutex_lock(&poller->lock);
	poller->stopping = true;
	asking = poller->asking_ms != 0;
	pthread_cond_signal(&poller->wake);
	pthread_mutex_unlock(&poller->lock);
	if (asking && !wait)
		return false;
	pthread_join(poller->thread, NULL);
	poller->started = false;
	return true;
}
