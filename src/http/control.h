/* SPDX-License-Identifier: Apache-2.0 */
/* Inside room http: requests of the control socket, on its thread. */
#ifndef DREDGE_HTTP_CONTROL_H
#define DREDGE_HTTP_CONTROL_H

#include "http/http.h"

#include <jansson.h>

/* What they are answered from: as in struct control_options. */
struct control_desk {
	struct isolator *isolator;
	bool spare_ingress;
	const struct limit_flags *egress, *ingress;
	void (*samples)(void *ctx, void (*fn)(void *to, const struct control_sample *s), void *to);
	void (*names)(void *ctx, const char *id, const char *meta[META_KEYS]);
	void *ctx;
};

struct answer {
	unsigned status;
	json_t *json;	  /* owned, or NULL */
	struct text text; /* instead of it */
	bool text_is_json;
};

void control_answer(struct control_desk *c, const char *method, const char *url,
		    const struct text *body, struct answer *a);
void control_refuse(struct answer *a, unsigned status, const char *why);

#endif
