/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of Mesos' isolator, and what is refused of them. */
#ifndef DREDGE_ISOLATE_CONFIG_H
#define DREDGE_ISOLATE_CONFIG_H

#include "isolate/ports.h"
#include "isolate/shaping.h"

#define EPHEMERAL_DEFAULT 1024u
#define EPHEMERAL_LEAST	  16u

struct isolate_config {
	bool wanted;			  /* --isolation names network/port_mapping */
	char *eth, *lo, *run_dir, *group; /* owned; NULL = not given */
	struct port_set ports, ephemeral;
	uint32_t ephemeral_per_container; /* 0 = not given */
	double cpus;			  /* of the host, as --resources says */
	struct limit_flags egress, ingress;
	uint64_t link_speed; /* network_link_speed, bytes/s; 0 = not given */
	bool tell_only;	     /* of drift, and leave it: not repair */
	bool no_ip6;	     /* not ipv6 */
	bool adopt_mesos;
	bool unique_flow;     /* egress_unique_flow_per_container */
	uint32_t flow_parent; /* egress_flow_classifier_parent: a class; 0 = the root */
	bool spare_ingress;   /* not ingress_isolate_existing_containers */
	char *foreign; /* owned: an isolator that only a module of the agent can have; NULL */
	bool modules;  /* the agent has some */
};

struct isolate_flag {
	const char *name, *arg; /* arg NULL: true or false, which may be left out */
	const char *help;
	unsigned kind; /* private: how the value is read, and where it goes */
	size_t at;
};

extern const struct isolate_flag isolate_flags[];
extern const size_t isolate_flag_count;

/* value NULL: a flag without one, "true". */
int isolate_config_set(struct isolate_config *c, const char *name, const char *value,
		       struct err *e);

struct isolate_facts { /* of the host */
	bool root;
	struct port_set local; /* net.ipv4.ip_local_port_range */
	uint64_t link_speed;   /* bytes/s, 0 = not known */
};

/* Refuses isolators that nobody knows, also where none of ours is among them: it may be misspelt.
 */
int isolate_isolators_check(const struct isolate_config *c, struct err *e);
/* Refuses what cannot be, computes rates per cpu from the link speed, and fills in defaults.
 * notices: a line for each thing that is doubtful. */
int isolate_config_check(struct isolate_config *c, const struct isolate_facts *f,
			 struct text *notices, struct err *e);
void isolate_config_done(struct isolate_config *c);

/* "32768\t60999" as the kernel writes it, any blanks between. */
int local_ports_parse(const char *text, struct port_set *out, struct err *e);
/* Text of /sys/class/net/IFACE/speed, Mbit/s; 0 for what says nothing: -1, 4294967295, garbage. */
uint64_t link_speed_parse(const char *text);

#endif
