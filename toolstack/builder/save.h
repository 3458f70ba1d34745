/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain as a stream: on the builder's stream_fd, in a worker; it blocks as long as the other end does. */
#ifndef ATOLL_BUILDER_SAVE_H
#define ATOLL_BUILDER_SAVE_H

#include "builder.h"

/* LIVE: most of it while the domain runs. It is suspended when this returns 0, and may be when it fails: see domain_resume(). */
int domain_save(struct builder *builder, uint32_t domid, bool live);
/* Lets a suspended domain go on as if nothing had been (the suspend hypercall says "cancelled"); any other is left alone. */
int domain_resume(struct builder *builder, uint32_t domid);
/* Fills a domain that domain_build() made but did not load. The stream is hostile; what parses it is libxenguest. */
int domain_load(struct builder *builder, uint32_t domid, const struct domain_spec *spec, struct domain_built *built);
/* Writes a core file. The domain stays paused. */
int domain_dump(struct builder *builder, uint32_t domid, uint64_t max_bytes);

#endif
