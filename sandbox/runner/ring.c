#include "ring.h"

#include <string.h>

void ring_put(struct ring *ring, const uint8_t *bytes, size_t length) {
    const size_t end = (ring->start + ring->used) % RING_SIZE;
    const size_t first = length < RING_SIZE - end ? length : RING_SIZE - end;
    memcpy(ring->bytes + end, bytes, first);
    memcpy(ring->bytes, bytes + first, length - first);
    ring->used += length;
}

const uint8_t *ring_peek(const struct ring *ring, size_t *length) {
    const size_t row = RING_SIZE - ring->start;
    *length = ring->used < row ? ring->used : row;
    return ring->bytes + ring->start;
}

void ring_drop(struct ring *ring, size_t length) {
    ring->used -= length;
    /* Starting over when empty keeps small inputs on the same few pages. */
    ring->start = ring->used == 0 ? 0 : (ring->start + length) % RING_SIZE;
}
