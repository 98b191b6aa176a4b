/* Bytes on their way to the program's stdin. As large as the room granted to the daemon, so it can never overflow. */
#ifndef MATCHBOX_RING_H
#define MATCHBOX_RING_H

#include <stddef.h>
#include <stdint.h>

enum { RING_SIZE = 256 * 1024 };

struct ring {
    size_t start;
    size_t used;
    uint8_t bytes[RING_SIZE];
};

/* The caller has made sure that `length` fits. */
void ring_put(struct ring *ring, const uint8_t *bytes, size_t length);
/* The longest piece that lies in one row. */
const uint8_t *ring_peek(const struct ring *ring, size_t *length);
void ring_drop(struct ring *ring, size_t length);

#endif
