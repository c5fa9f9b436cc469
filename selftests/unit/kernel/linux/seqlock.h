/* SPDX-License-Identifier: GPL-2.0-only */
/* One thread has nobody to lock out. */
#ifndef XTCP_UNIT_SEQLOCK_H
#define XTCP_UNIT_SEQLOCK_H

typedef struct {
	bool is_locked;
} seqlock_t;

static inline void seqlock_init(seqlock_t *lock)
{
	lock->is_locked = false;
}

static inline unsigned int read_seqbegin(const seqlock_t *lock)
{
	assert(!lock->is_locked);
	return 0;
}

static inline bool read_seqretry(const seqlock_t *lock, unsigned int seq)
{
	return lock->is_locked;
}

static inline void write_seqlock_bh(seqlock_t *lock)
{
	assert(!lock->is_locked);
	lock->is_locked = true;
}

static inline void write_sequnlock_bh(seqlock_t *lock)
{
	assert(lock->is_locked);
	lock->is_locked = false;
}

#endif /* XTCP_UNIT_SEQLOCK_H */
