/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room packet: sizes and numbers of the protocols, from the RFCs and the IANA registries. */
#ifndef DREDGE_PACKET_WIRE_H
#define DREDGE_PACKET_WIRE_H

#define ETH_SIZE    14u
#define VLAN_SIZE   4u
#define SLL_SIZE    16u
#define SLL2_SIZE   20u
#define NULL_SIZE   4u
#define ARP_SIZE    28u /* with Ethernet and IPv4 addresses */
#define IP4_SIZE    20u
#define IP6_SIZE    40u
#define TCP_SIZE    20u
#define UDP_SIZE    8u
#define SCTP_SIZE   12u
#define ICMP_MIN    4u /* type, code, checksum */
#define ICMP_SIZE   8u
#define TUNNEL_SIZE 8u /* VXLAN, and Geneve without options */

#define ETHERTYPE_IP4	   0x0800u
#define ETHERTYPE_ARP	   0x0806u
#define ETHERTYPE_TEB	   0x6558u /* an Ethernet frame inside */
#define ETHERTYPE_VLAN	   0x8100u
#define ETHERTYPE_IP6	   0x86ddu
#define ETHERTYPE_QINQ	   0x88a8u
#define ETHERTYPE_QINQ_OLD 0x9100u
#define ETHERTYPE_MIN	   0x0600u /* below: the length of an IEEE 802.3 frame */

#define PROTO_ICMP  1u
#define PROTO_TCP   6u
#define PROTO_UDP   17u
#define PROTO_ICMP6 58u
#define PROTO_SCTP  132u

#define IP4_MORE   0x2000u
#define IP4_OFFSET 0x1fffu

#define IP6_HOP_BY_HOP	  0u
#define IP6_ROUTING	  43u
#define IP6_FRAGMENT	  44u
#define IP6_AUTH	  51u
#define IP6_NONE	  59u
#define IP6_OPTIONS	  60u
#define IP6_MOBILITY	  135u
#define IP6_HIP		  139u
#define IP6_SHIM6	  140u
#define IP6_EXTENSION_MIN 8u
#define IP6_OFFSET_MASK	  0xfff8u

#define PORT_DNS       53u
#define PORT_VXLAN     4789u
#define PORT_GENEVE    6081u
#define PORT_REDIS     6379u
#define PORT_VXLAN_OLD 8472u /* Linux' default, as flannel uses it */
#define VXLAN_HAS_VNI  0x08u

#endif
