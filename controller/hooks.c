#include "base/base.h"
#include "hooks.h"

#include "clients/relayed.h"
#include "engines/errands.h"
#include "engines/flight.h"
#include "engines/notify.h"
#include "engines/ours.h"
#include "ipython/foreign.h"
#include "ipython/runs.h"
#include "model/carrier.h"
#include "pools/hooks.h"
#include "upstream/others_record.h"
#include "upstream/upstream.h"
#include "vars/requests.h"

/* Clients hear that an engine is gone before they hear what becomes of their tasks. */
static const struct engine_hooks *const engine_hooks[] = {
	&notify_hooks, &ours_hooks,   &foreign_hooks, &flight_hooks,
	&run_hooks,    &orders_hooks, &vars_hooks,    &pools_hooks,
	NULL,
};

static const struct carrier carrier_direct = {
	.send = carrier_direct_send,
	.session = carrier_direct_session,
	.run_ops = &run_ops_ipython,
	.first_to_know = true,
	.is_gone = carrier_direct_is_gone,
	.is_away = carrier_direct_is_away,
};

void hooks_set(struct controller *c)
{
	bool upstream = c->config.upstream != NULL;

	c->engine_hooks = engine_hooks;
	c->carrier = upstream ? &carrier_upstream : &carrier_direct;
	c->result_ops_clients = upstream ? &result_ops_others
					 : &result_ops_clients;
}
