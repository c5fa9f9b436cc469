/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What recv.c offers to those above it.
 */
#ifndef XTCP_RECV_H
#define XTCP_RECV_H

#include <linux/poll.h>

struct file;
struct msghdr;
struct pipe_inode_info;
struct sock;
struct socket;

int xtcp_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
__poll_t xtcp_recv_poll(struct file *file, struct socket *sock, poll_table *wait);
int xtcp_recv_ioctl_value(struct sock *sk, int cmd, int *value);
int xtcp_recv_peek_len(struct socket *sock);
int xtcp_recv_set_lowat(struct sock *sk, int val);
ssize_t xtcp_recv_splice(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags);

#endif /* XTCP_RECV_H */
