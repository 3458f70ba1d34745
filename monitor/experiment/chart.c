// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A chart as SVG: one load of every guest over time. Above its throughput, a line a guest; below, the longest stall of any guest in
 * each second, on a logarithmic scale, since stalls of 5 ms and of 10 s both matter. Faults are marked from injection until the
 * service was back.
 *
 *     ┌─────────┬───┬──────┐  throughput, one line a guest
 *     ├─────────┼───┼──────┤
 *     └─────────┴───┴──────┘  longest stall, a bar a bucket
 */
#include <math.h>
#include <string.h>

#include "experiment/page.h"

#define LEFT 64
#define RIGHT 12
#define TOP 34
#define RATE_HEIGHT 120
#define GAP 24
#define STALL_HEIGHT 72
#define BOTTOM 38
#define BUCKETS_MAX 480
#define STALL_DECADES 5 /* 1 ms to 100 s */
#define LABELS_MAX 14	/* more would lie upon each other */

/* Okabe and Ito's: told apart by eyes of all kinds */
static const char *const colours[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#222222", "#8c6d31"};

struct bucket {
	double rate; /* < 0: no sample */
	uint64_t stall_us;
};

struct frame {
	FILE *out;
	const struct chart *chart;
	double width, span_ms, bucket_ms;
	unsigned buckets;
	struct bucket guest[SCENARIO_GUESTS_MAX][BUCKETS_MAX];
};

const char *chart_colour(unsigned guest)
{
	return colours[guest % ARRAY_SIZE(colours)];
}

static double x_of(const struct frame *f, double ms)
{
	double x = LEFT + (ms - (double)f->chart->from_ms) / f->span_ms * f->width;

	return MAX(LEFT, MIN(x, LEFT + f->width));
}

static double nice_step(double range, unsigned steps)
{
	double raw = range / steps, base = pow(10, floor(log10(raw))), n = raw / base;

	return base * (n <= 1 ? 1 : n <= 2 ? 2 : n <= 5 ? 5 : 10);
}

/* A sample's second is spread over the buckets that it touches: it ends at its time. */
static void add_sample(struct frame *f, struct bucket *b, const struct load_counters *a, const struct load_counters *c, int64_t from,
		       int64_t to)
{
	double rate = c->done >= a->done ? (double)(c->done - a->done) * 1000 / (double)(to - from) : 0;
	double first = ((double)from - (double)f->chart->from_ms) / f->bucket_ms,
	       last = ((double)to - (double)f->chart->from_ms) / f->bucket_ms;

	for (int i = (int)MAX(0, floor(first)); i < (int)f->buckets && i < last; i++) {
		b[i].rate = b[i].rate < 0 ? rate : (b[i].rate + rate) / 2;
		b[i].stall_us = MAX(b[i].stall_us, c->stall_us);
	}
}

static void fill_buckets(struct frame *f)
{
	const struct experiment *e = f->chart->experiment;
	int load = f->chart->load;

	for (unsigned g = 0; g < e->guest_count; g++) {
		const struct guest_log *log = &e->guests[g].log;

		for (unsigned i = 0; i < f->buckets; i++)
			f->guest[g][i] = (struct bucket){.rate = -1};
		for (size_t s = 1; s < log->count && log->has[load]; s++) {
			const struct sample *a = &log->samples[s - 1], *b = &log->samples[s];

			if (b->ms > f->chart->from_ms && a->ms < f->chart->to_ms)
				add_sample(f, f->guest[g], &a->load[load], &b->load[load], a->ms, b->ms);
		}
	}
}

static double top_rate(const struct frame *f)
{
	double top = 1;

	for (unsigned g = 0; g < f->chart->experiment->guest_count; g++) {
		for (unsigned i = 0; i < f->buckets; i++)
			top = MAX(top, f->guest[g][i].rate);
	}
	return top;
}

static void draw_faults(const struct frame *f, double bottom)
{
	const struct experiment *e = f->chart->experiment;
	unsigned seen = 0, drawn = 0;

	for (unsigned i = 0; i < e->round_count; i++)
		seen += e->rounds[i].start_ms >= f->chart->from_ms && e->rounds[i].start_ms < f->chart->to_ms;
	for (unsigned i = 0; i < e->round_count; i++) {
		const struct round *r = &e->rounds[i];
		double x = x_of(f, (double)r->start_ms), back = x_of(f, (double)r->back_ms);

		if (r->start_ms < f->chart->from_ms || r->start_ms >= f->chart->to_ms)
			continue;
		fprintf(f->out, "<rect class=\"down\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" height=\"%.1f\"><title>%s %s</title></rect>", x, TOP,
			MAX(back - x, 1.0), bottom - TOP, e->cells[r->cell].service, exp_fault_names[e->cells[r->cell].spec.fault]);
		fprintf(f->out, "<line class=\"fault\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%.1f\"/>", x, x, TOP - 5, bottom);
		if (seen <= LABELS_MAX)
			fprintf(f->out, "<text class=\"mark\" x=\"%.1f\" y=\"%d\">%s %s</text>", x + 2, drawn++ % 2 ? 14 : 26,
				e->cells[r->cell].service, exp_fault_names[e->cells[r->cell].spec.fault]);
	}
}

static void draw_rates(const struct frame *f, double top)
{
	for (unsigned g = 0; g < f->chart->experiment->guest_count; g++) {
		bool pen = false;

		if (!f->chart->experiment->guests[g].log.has[f->chart->load])
			continue;
		fprintf(f->out, "<path class=\"rate\" stroke=\"%s\" d=\"", chart_colour(g));
		for (unsigned i = 0; i < f->buckets; i++) {
			double rate = f->guest[g][i].rate;

			if (rate >= 0)
				fprintf(f->out, "%s%.1f %.1f", pen ? "L" : "M", LEFT + (i + 0.5) * f->width / f->buckets,
					TOP + RATE_HEIGHT * (1 - rate / top));
			pen = rate >= 0;
		}
		fprintf(f->out, "\"/>");
	}
}

static void draw_rate_axis(const struct frame *f, double top, double unit)
{
	double step = nice_step(top / unit, 4) * unit;

	for (double v = 0; v <= top * 1.001; v += step) {
		double y = TOP + RATE_HEIGHT * (1 - v / top);

		fprintf(f->out, "<line class=\"grid\" x1=\"%d\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, LEFT + f->width, y, y);
		fprintf(f->out, "<text class=\"num\" x=\"%d\" y=\"%.1f\">%g</text>", LEFT - 6, y + 3.5, v / unit);
	}
}

static double stall_height(double us)
{
	double decades = us > 1000 ? log10(us / 1000) : 0;

	return MIN(decades, STALL_DECADES) / STALL_DECADES * STALL_HEIGHT;
}

static void draw_stalls(const struct frame *f, double base)
{
	static const char *const labels[] = {"1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s"};
	double width = f->width / f->buckets;

	for (unsigned d = 0; d <= STALL_DECADES; d++) {
		double y = base - (double)STALL_HEIGHT * d / STALL_DECADES;

		fprintf(f->out, "<line class=\"grid\" x1=\"%d\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", LEFT, LEFT + f->width, y, y);
		fprintf(f->out, "<text class=\"num\" x=\"%d\" y=\"%.1f\">%s</text>", LEFT - 6, y + 3.5, labels[d]);
	}
	for (unsigned i = 0; i < f->buckets; i++) {
		unsigned worst = 0;

		for (unsigned g = 1; g < f->chart->experiment->guest_count; g++) {
			if (f->guest[g][i].stall_us > f->guest[worst][i].stall_us)
				worst = g;
		}
		if (f->guest[worst][i].stall_us > 1000)
			fprintf(f->out, "<rect fill=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>", chart_colour(worst),
				LEFT + i * width, base - stall_height((double)f->guest[worst][i].stall_us), MAX(width - 0.4, 0.6),
				stall_height((double)f->guest[worst][i].stall_us));
	}
}

static void draw_time_axis(const struct frame *f, double base)
{
	double zero = (double)(f->chart->zero_ms - f->chart->from_ms), step = nice_step(f->span_ms / 1000, 10) * 1000;

	for (double t = -floor(zero / step) * step; t + zero <= f->span_ms + 1; t += step) {
		double x = x_of(f, t + (double)f->chart->zero_ms);

		fprintf(f->out, "<line class=\"tick\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", x, x, base, base + 4);
		fprintf(f->out, "<text class=\"mid\" x=\"%.1f\" y=\"%.1f\">%g</text>", x, base + 16, fabs(t) < 1 ? 0 : t / 1000);
	}
	fprintf(f->out, "<text class=\"mid\" x=\"%.1f\" y=\"%.1f\">%s (s)</text>", LEFT + f->width / 2, base + 31, f->chart->time_label);
}

void chart_draw(const struct chart *chart, FILE *out)
{
	static struct frame f;
	static const char *const units[LOADS][3] = {{"KiB/s", "MiB/s"}, {"requests/s"}, {"requests/s"}, {"bytes/s"}};
	bool bytes = chart->load == LOAD_TCP, mib;
	double top, middle = TOP + RATE_HEIGHT / 2.0, base = TOP + RATE_HEIGHT + GAP + STALL_HEIGHT;

	f = (struct frame){.out = out, .chart = chart, .width = chart->width - LEFT - RIGHT,
			   .span_ms = (double)MAX(chart->to_ms - chart->from_ms, 1000)};
	f.bucket_ms = MAX(1000, f.span_ms / BUCKETS_MAX);
	f.buckets = (unsigned)MIN(ceil(f.span_ms / f.bucket_ms), BUCKETS_MAX);
	fill_buckets(&f);
	top = top_rate(&f);
	mib = bytes && top > 2 << 20;
	fprintf(out, "<svg viewBox=\"0 0 %u %.0f\" width=\"%u\" height=\"%.0f\" role=\"img\"><title>%s</title>", chart->width, base + BOTTOM,
		chart->width, base + BOTTOM, chart->title);
	draw_faults(&f, base);
	draw_rate_axis(&f, top, !bytes ? 1 : mib ? 1 << 20 : 1024);
	draw_rates(&f, top);
	draw_stalls(&f, base);
	draw_time_axis(&f, base);
	fprintf(out, "<text class=\"mid\" transform=\"translate(13 %.0f) rotate(-90)\">%s</text>", middle, units[chart->load][mib]);
	fprintf(out, "<text class=\"mid\" transform=\"translate(13 %.0f) rotate(-90)\">stall</text></svg>\n", base - STALL_HEIGHT / 2.0);
}
