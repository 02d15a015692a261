/*
 * admission.h: who may speak on the sockets of a controller with CURVE.
 *
 * To encrypt for it, a peer needs its public key, which only the connection files
 * have. That is not enough: libzmq asks here for each connection (ZAP, ZeroMQ RFC
 * 27), and a peer is known by its own key. Who has the key that is made from the
 * connection files (curve.h) is let in. Who has another, as ipyparallel's programs
 * do, is heard on the registration socket alone, until it has sent a message there
 * that is signed with the key of the cluster; such keys are kept, so that a restart
 * of the controller shuts nobody out. The nanny of an ipyparallel engine has no way
 * to show anything: with a key that nobody knows it is let in where it listens for
 * control messages, one for each such engine, from the address of that. Where nothing
 * is signed (--no-secure) the public key is all there is to know.
 */
#ifndef TASKFS_CONTROLLER_GATE_ADMISSION_H
#define TASKFS_CONTROLLER_GATE_ADMISSION_H

#include "core/controller.h"

/* The domain of the socket on which everybody who can encrypt is heard. */
#define ADMISSION_OPEN "registration"
/* That of the socket where nannies listen. */
#define ADMISSION_NANNY "control_out"

/* Before any socket of c->zmq is bound, and after identity_init(). -errno. */
int admission_open(struct controller *c) must_check;
void admission_close(struct controller *c);
/* A signed message came on the registration socket, and was opened. */
void admission_prove(struct controller *c, const struct msg *m);

#endif
