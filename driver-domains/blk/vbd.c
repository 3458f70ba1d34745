// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One vbd on the bus: what is offered, what the frontend chose, its rings mapped and let go. Feature nodes are those of
 * xen/io/blkif.h. A reborn backend finds the frontend's choices in its directory, made from the same offers.
 */
#include "blk/vbd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <xen/io/blkif.h>
#include <xen/io/protocols.h>

#include "base/log.h"

#define RING_PAGES_MAX (1u << VBD_RING_ORDER_MAX)

/* --- the disk --- */

static uint64_t discard_granularity(int fd)
{
	AUTO_FREE char *text = NULL;
	uint64_t value = 0;
	struct stat st;
	char path[80];

	/* A partition's ".." is its disk, which has the queue. */
	for (int part = 0; part < 2 && !text && fstat(fd, &st) == 0; part++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%squeue/discard_granularity", major(st.st_rdev), minor(st.st_rdev),
			 part ? "../" : "");
		read_file(path, 32, &text, NULL);
	}
	if (text)
		text[strcspn(text, "\n")] = '\0';
	return text && parse_u64(text, 0, UINT32_MAX, &value) == 0 ? value : 0;
}

/* Size and blocks of a disk, or of a file. */
static int measure(struct vbd *vbd, bool writable)
{
	unsigned physical = BLK_SECTOR;
	int block = BLK_SECTOR;
	uint64_t bytes;
	struct stat st;

	if (fstat(vbd->fd, &st) < 0)
		return -errno;
	bytes = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && (ioctl(vbd->fd, BLKGETSIZE64, &bytes) < 0 || ioctl(vbd->fd, BLKSSZGET, &block) < 0 ||
				    ioctl(vbd->fd, BLKPBSZGET, &physical) < 0))
		return -errno;
	vbd->physical_block = physical;
	vbd->limits = (struct blk_limits){.sectors = bytes / BLK_SECTOR, .block = (uint32_t)block, .writable = writable,
					  .discard = writable && discard_granularity(vbd->fd)};
	return 0;
}

static int open_disk(struct vbd *vbd)
{
	struct bus_device *device = vbd->device;
	struct blk_backing backing;
	int r = vbd->blk->lookup(device->frontend, device->id, &backing, vbd->blk->data);

	if (r < 0 || vbd->fd >= 0)
		return r;
	/* Whoever writes has it alone: a file system that is mounted from it makes this fail. */
	/* Not O_EXCL: an HVM guest and its device model share a disk. Who else may have it, the lookup's owner decides. */
	vbd->fd = open(backing.path, (backing.write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
	return vbd->fd < 0 ? -errno : measure(vbd, backing.write);
}

/* --- the frontend's choices --- */

/* A number below a queue's directory, "" or "queue-N/". */
static int read_of_queue(struct vbd *vbd, unsigned index, const char *key, uint32_t *out)
{
	char path[48];
	uint64_t value;
	int r;

	if (vbd->queue_count > 1)
		snprintf(path, sizeof(path), "queue-%u/%s", index, key);
	else
		snprintf(path, sizeof(path), "%s", key);
	r = bus_read_number(vbd->device, path, 0, UINT32_MAX, &value);
	*out = (uint32_t)value;
	return r;
}

/* An optional number. */
static int read_choice(struct vbd *vbd, const char *key, uint64_t min, uint64_t max, uint64_t *out)
{
	int r = bus_read_number(vbd->device, key, min, max, out);

	return r == -ENOENT ? 0 : r;
}

static int read_protocol(struct vbd *vbd)
{
	char value[BUS_VALUE_MAX] = XEN_IO_PROTO_ABI_X86_64;
	int r = bus_read(vbd->device, "protocol", value);

	if (r < 0 && r != -ENOENT)
		return r;
	vbd->protocol = strcmp(value, XEN_IO_PROTO_ABI_X86_32) ? BLK_X86_64 : BLK_X86_32;
	return vbd->protocol == BLK_X86_64 && strcmp(value, XEN_IO_PROTO_ABI_X86_64) ? -EPROTONOSUPPORT : 0;
}

/* --- rings --- */

static void queue_disconnect(struct queue *queue)
{
	struct pv *pv = &queue->vbd->blk->pv;

	queue->channel = channel_close(queue->channel);
	ring_fini(&queue->ring);
	if (queue->shared)
		xengnttab_unmap(pv->grants, queue->shared, queue->pages);
	queue->shared = NULL;
}

static int queue_connect(struct vbd *vbd, unsigned index, unsigned order)
{
	struct queue *queue = &vbd->queues[index];
	uint32_t refs[RING_PAGES_MAX], port;
	int r = 0;

	*queue = (struct queue){.vbd = vbd, .pages = 1u << order};
	for (unsigned i = 0; i < queue->pages && r == 0; i++) {
		char key[24] = "ring-ref";

		if (order)
			snprintf(key, sizeof(key), "ring-ref%u", i);
		r = read_of_queue(vbd, index, key, &refs[i]);
	}
	if (r == 0)
		r = read_of_queue(vbd, index, "event-channel", &port);
	if (r < 0)
		return r;
	queue->shared = xengnttab_map_domain_grant_refs(vbd->blk->pv.grants, queue->pages, vbd->device->frontend, refs, PROT_READ | PROT_WRITE);
	if (!queue->shared)
		return errno ? -errno : -EINVAL;
	r = ring_init(&queue->ring, queue->shared, queue->pages * RING_PAGE, blk_slot_size(vbd->protocol));
	/* Xen marks a channel that is bound as having had an event: so what is in the ring already is seen. */
	return r < 0 ? r : channel_open(&vbd->blk->pv, vbd->device->frontend, port, queue_run, queue, &queue->channel);
}

static int alloc_requests(struct vbd *vbd)
{
	vbd->ios = calloc(VBD_REQUESTS_MAX, sizeof(*vbd->ios));
	if (!vbd->ios)
		return -ENOMEM;
	vbd->free = NULL;
	for (unsigned i = VBD_REQUESTS_MAX; i-- > 0;) {
		vbd->ios[i].next = vbd->free;
		vbd->free = &vbd->ios[i];
	}
	return 0;
}

static void let_go(struct vbd *vbd)
{
	vbd->connected = false;
	vbd_drain(vbd);
	for (unsigned i = 0; i < vbd->queue_count; i++)
		queue_disconnect(&vbd->queues[i]);
	vbd->queue_count = 0;
	free(vbd->ios);
	vbd->ios = NULL;
	vbd->grants = grants_destroy(vbd->grants);
}

/* --- the bus' driver --- */

static int vbd_offer(struct bus_device *device, struct store_batch *batch)
{
	struct vbd *vbd = device->state_of_driver;
	const char *path = device->path;
	int r;

	if (!vbd) {
		vbd = calloc(1, sizeof(*vbd));
		if (!vbd)
			return -ENOMEM;
		*vbd = (struct vbd){.device = device, .blk = bus_data(device->bus), .fd = -1};
		device->state_of_driver = vbd;
	}
	r = open_disk(vbd);
	if (r < 0)
		return r;
	store_batch_put_int(batch, NULL, 1, "%s/feature-flush-cache", path);
	store_batch_put_int(batch, NULL, 1, "%s/feature-barrier", path);
	store_batch_put_int(batch, NULL, 1, "%s/feature-persistent", path);
	store_batch_put_int(batch, NULL, BLK_SEGMENTS_MAX, "%s/feature-max-indirect-segments", path);
	store_batch_put_int(batch, NULL, VBD_RING_ORDER_MAX, "%s/max-ring-page-order", path);
	store_batch_put_int(batch, NULL, VBD_QUEUES_MAX, "%s/multi-queue-max-queues", path);
	if (vbd->limits.discard) {
		store_batch_put_int(batch, NULL, 1, "%s/feature-discard", path);
		store_batch_put_int(batch, NULL, (int64_t)discard_granularity(vbd->fd), "%s/discard-granularity", path);
		store_batch_put_int(batch, NULL, 0, "%s/discard-alignment", path);
	}
	return 0;
}

static int vbd_connect(struct bus_device *device, struct store_batch *batch)
{
	struct vbd *vbd = device->state_of_driver;
	uint64_t queues = 1, order = 0, persistent = 0;
	unsigned waiting = 0;
	int r;

	r = read_protocol(vbd);
	if (r == 0)
		r = read_choice(vbd, "multi-queue-num-queues", 1, VBD_QUEUES_MAX, &queues);
	if (r == 0)
		r = read_choice(vbd, "ring-page-order", 0, VBD_RING_ORDER_MAX, &order);
	if (r == 0)
		r = read_choice(vbd, "feature-persistent", 0, 1, &persistent);
	vbd->queue_count = (unsigned)queues;
	for (unsigned i = 0; i < queues; i++)
		vbd->queues[i] = (struct queue){.vbd = vbd};
	if (r == 0)
		r = alloc_requests(vbd);
	if (r == 0 && persistent) {
		vbd->grants = grants_create(vbd->blk->pv.grants, device->frontend, &vbd->blk->grant_count);
		r = vbd->grants ? 0 : -ENOMEM;
	}
	for (unsigned i = 0; i < queues && r == 0; i++)
		r = queue_connect(vbd, i, (unsigned)order);
	if (r < 0) {
		let_go(vbd);
		return r;
	}
	vbd->connected = true;
	for (unsigned i = 0; i < queues; i++) {
		channel_notify(vbd->queues[i].channel); /* a predecessor may have died after an answer and before this */
		waiting += (unsigned)MAX(ring_pending(&vbd->queues[i].ring), 0);
	}
	store_batch_put_int(batch, NULL, (int64_t)vbd->limits.sectors, "%s/sectors", device->path);
	store_batch_put_int(batch, NULL, vbd->limits.writable ? 0 : VDISK_READONLY, "%s/info", device->path);
	store_batch_put_int(batch, NULL, vbd->limits.block, "%s/sector-size", device->path);
	store_batch_put_int(batch, NULL, vbd->physical_block, "%s/physical-sector-size", device->path);
	log_info("%s: connected, %llu queues of %u pages, %u requests wait", device->name, (unsigned long long)queues, 1u << order, waiting);
	return 0;
}

static void vbd_disconnect(struct bus_device *device)
{
	let_go(device->state_of_driver);
}

static void vbd_remove(struct bus_device *device)
{
	struct vbd *vbd = device->state_of_driver;

	if (vbd && vbd->fd >= 0)
		close(vbd->fd);
	free(vbd);
}

static const struct bus_driver driver = {
	.type = "vbd", .offer = vbd_offer, .connect = vbd_connect, .disconnect = vbd_disconnect, .remove = vbd_remove};

/* --- the backend --- */

int blk_create(struct loop *loop, blk_lookup_fn *lookup, void *data, struct blk **out)
{
	struct blk *blk = calloc(1, sizeof(*blk));
	int r;

	if (!blk)
		return -ENOMEM;
	blk->lookup = lookup;
	blk->data = data;
	blk->finished_end = &blk->finished;
	blk->starved_end = &blk->starved;
	r = pv_open(&blk->pv, loop);
	if (r == 0)
		r = uring_create(loop, pv_take_events(&blk->pv), BUFFERS_SMALL * BUFFER_SMALL + BUFFERS_LARGE * BUFFER_LARGE, &io_ops, blk, &blk->uring);
	if (r == 0)
		buffers_init(blk);
	if (r == 0)
		r = loop_add_timer(loop, -1, io_on_timer, blk, &blk->timer);
	if (r == 0)
		r = loop_add_timer(loop, -1, io_on_resume, blk, &blk->resume);
	if (r == 0)
		r = bus_create(&blk->pv, &driver, blk, &blk->bus);
	if (r < 0) {
		blk_destroy(blk);
		return r;
	}
	*out = blk;
	return 0;
}

void blk_count(const struct blk *blk, unsigned guest, unsigned vdev, uint64_t *read, uint64_t *written)
{
	const struct bus_device *device = bus_find(blk->bus, guest, vdev);
	const struct vbd *vbd = device ? device->state_of_driver : NULL;

	*read = vbd ? vbd->moved[0] : 0;
	*written = vbd ? vbd->moved[1] : 0;
}

struct blk *blk_destroy(struct blk *blk)
{
	if (!blk)
		return NULL;
	bus_destroy(blk->bus);
	source_destroy(blk->timer);
	source_destroy(blk->resume);
	uring_destroy(blk->uring);
	pv_close(&blk->pv);
	free(blk);
	return NULL;
}
