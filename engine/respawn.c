#include "respawn.h"

uint64_t respawn_pause(struct respawn *r, uint64_t lived)
{
	uint64_t pause = RESPAWN_FIRST;
	unsigned i;

	r->deaths = lived < RESPAWN_LIVED ? r->deaths + 1 : 1;
	for (i = 1; i < r->deaths && pause < RESPAWN_LONGEST; i++)
		pause *= 2;
	return min_u64(pause, RESPAWN_LONGEST);
}
