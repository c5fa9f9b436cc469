/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What send.c and recv.c offer to those above them.
 */
#ifndef XTCP_STREAM_H
#define XTCP_STREAM_H

#include <linux/poll.h>

struct file;
struct msghdr;
struct pipe_inode_info;
struct sock;
struct socket;

/* ---- send.c ----------------------------------------------------------------- */
int xtcp_send_msg(struct sock *sk, struct msghdr *msg, size_t size);
void xtcp_send_flush(struct socket *sock);

/* ---- recv.c ----------------------------------------------------------------- */
int xtcp_recv_msg(struct sock *sk, struct msghdr *msg, size_t len, int flags);
__poll_t xtcp_recv_poll(struct file *file, struct socket *sock, poll_table *wait);
int xtcp_recv_ioctl_value(struct sock *sk, int cmd, int *value);
int xtcp_recv_peek_len(struct socket *sock);
int xtcp_recv_set_lowat(struct sock *sk, int val);
ssize_t xtcp_recv_splice(struct socket *sock, loff_t *ppos, struct pipe_inode_info *pipe,
			 size_t len, unsigned int flags);

#endif /* XTCP_STREAM_H */
