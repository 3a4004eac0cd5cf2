/* SPDX-License-Identifier: Apache-2.0 */
#include "http/body.h"

#ifdef HAVE_HTTPD

#include <malloc.h>
#include <microhttpd.h>
#include <stdlib.h>

static atomic_size_t alive;

size_t bodies_alive(void)
{
	return atomic_load_explicit(&alive, memory_order_relaxed);
}

/* When the last connection is done with it. */
static void data_free(void *data)
{
	atomic_fetch_sub_explicit(&alive, malloc_usable_size(data), memory_order_relaxed);
	free(data);
}

struct body *body_new(struct reply *a)
{
	struct body *b = xcalloc(1, sizeof(*b));
	struct text etag = {0};

	atomic_init(&b->refs, 1);
	b->status = a->status;
	text_char(&etag, '"');
	text_hex(&etag, hash_bytes(a->body.data, a->body.len), 16);
	text_char(&etag, '"');
	memcpy(b->etag, text_cstr(&etag), etag.len + 1);
	text_done(&etag);
	(void)text_room(&a->body, 1); /* never NULL */
	atomic_fetch_add_explicit(&alive, malloc_usable_size(a->body.data), memory_order_relaxed);
	b->response = MHD_create_response_from_buffer_with_free_callback(a->body.len, a->body.data,
									 data_free);
	a->body = (struct text){0};
	MHD_add_response_header(b->response, MHD_HTTP_HEADER_CONTENT_TYPE,
				a->type ? a->type : "application/json");
	MHD_add_response_header(b->response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-cache");
	if (b->status == MHD_HTTP_OK)
		MHD_add_response_header(b->response, MHD_HTTP_HEADER_ETAG, b->etag);
	if (b->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(b->response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	if (b->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(b->response, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
	return b;
}

struct body *body_error(unsigned status, const char *why)
{
	struct reply a = {0};

	reply_error(&a, status, why);
	return body_new(&a);
}

struct body *body_ref(struct body *b)
{
	atomic_fetch_add_explicit(&b->refs, 1, memory_order_relaxed);
	return b;
}

void body_unref(struct body *b)
{
	if (!b || atomic_fetch_sub_explicit(&b->refs, 1, memory_order_acq_rel) != 1)
		return;
	MHD_destroy_response(b->response);
	free(b);
}

#endif
