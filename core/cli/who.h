/* Who asks, for the record. */
#ifndef DRORCH_CLI_WHO_H
#define DRORCH_CLI_WHO_H

/* "ann@host"; behind sudo the one who called it. A name, not a proof. */
void dro_who(char out[128]);

#endif
