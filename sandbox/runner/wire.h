/*
 * The two byte streams between runner and daemon. At first they are the container's stdin and stdout, which the engine
 * carries. Two pipes of the runner's own wait beside them: a daemon on the same machine that may can open their other
 * ends through /proc and then has no engine in between. ../README.md has the frames, and docs/adr/0008 the reasons.
 */
#ifndef MATCHBOX_WIRE_H
#define MATCHBOX_WIRE_H

#include "frames.h"

#include <stdbool.h>

/* Makes the pipes, if it can: without them everything goes through the engine. */
void wire_open(void);
/* What READY tells of them. */
struct pipe_offer wire_offer(void);

/* Where frames come from. */
int wire_in(void);
/* Where frames go to. */
int wire_out(void);
/* Once frames come through the pipe, the container's stdin: nothing may come there but its end. Before that, -1. */
int wire_switch(void);

/*
 * The daemon holds the other ends of the pipes, and sends nothing more on stdin. Frames come through the pipe at once;
 * they go through the other one after wire_move(). Returns whether that can be: there are pipes, not used yet.
 */
bool wire_go_direct(void);
/* To be called when all that had to leave through stdout has left. Returns true once, after wire_go_direct(). */
bool wire_move(void);

#endif
