/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whose is this packet, when it is on the host's own network? A table of the
 * sockets of host-network containers by (protocol, local address, port). Made
 * by the discover thread, immutable, read by the event thread.
 */
#ifndef DREDGE_SOURCE_SOCKETS_H
#define DREDGE_SOURCE_SOCKETS_H

#include "base/base.h"

struct socket_entry {
	uint8_t protocol;  /* 6 TCP, 17 UDP */
	bool listening;	   /* TCP LISTEN, or UDP bound and not connected */
	bool wildcard;	   /* bound to any address */
	bool v6;	   /* an IPv6 socket; a wildcard one takes IPv4 packets too */
	uint8_t local[16]; /* local address; IPv4 as ::ffff:a.b.c.d */
	uint16_t port;	   /* local port, host order */
	uint32_t uid;
	uint64_t inode;
	uint64_t container; /* key of struct discovered; 0 = none of the containers */
	int pid;	    /* a process that holds it, 0 = unknown */
	char comm[16];
};

struct socket_table;
void socket_table_free(struct socket_table *t); /* t may be NULL */
/*
 * The socket a packet with this local end belongs to, or NULL; borrowed from the table. addr: 4 or
 * 16 bytes as addr_len says. An exact address wins over a wildcard. O(1), no allocation. Sockets of
 * no container are in the table too (container 0), so that a known stranger is no miss.
 */
const struct socket_entry *socket_table_find(const struct socket_table *t, uint8_t protocol,
					     const uint8_t *addr, unsigned addr_len, uint16_t port);
/* CLOCK_REALTIME ns: packets up to then find their sockets here, as far as they still were. */
uint64_t socket_table_time(const struct socket_table *t);

/* For the maker and tests: add copies of entries, then find. */
struct socket_table *socket_table_new(const struct socket_entry *entries, size_t n, uint64_t ts);

#endif
