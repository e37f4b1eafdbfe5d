/* trace/preload/faults.c: --inject. A fault is looked for at each call while there are any, in the order given; the first
 * that hits is the event's. Words and counting are strace(1)'s; short=N is ours.
 */
#include "preload/shapes.h"

#include <signal.h>

static bool
hits(const struct fdt_fault *fault, uint32_t count)
{
	if (count < fault->first || count > fault->last)
		return false;
	return fault->step == 0 ? count == fault->first : (count - fault->first) % fault->step == 0;
}

static void
pause_for(uint64_t ns)
{
	struct timespec left = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};

	while (sys2(SYS_nanosleep, &left, &left) == -EINTR)
		;
}

void
fault_enter(struct frame *f)
{
	const struct fdt_header *h = process.header;

	if (h == NULL || self.pid == 0)
		return;
	for (uint32_t i = 0; i < h->nfaults && i < FDT_FAULTS; i++) {
		const struct fdt_fault *fault = &h->faults[i];

		if (!(fault->calls[f->call / 64] >> (f->call % 64) & 1) || !hits(fault, ++self.counts[i]))
			continue;
		if (f->fault != NULL)
			continue; /* it still counted */
		f->fault = fault;
		if (f->slot != NULL)
			f->slot->fault = (uint8_t)(i + 1);
	}
	if (f->fault == NULL)
		return;
	if (f->fault->what & FDT_FAULT_DELAY_ENTER)
		pause_for(f->fault->delay_enter_ns);
	if ((f->fault->what & FDT_FAULT_SHORT) && f->size != NULL && *f->size > f->fault->short_to)
		*f->size = (size_t)f->fault->short_to;
	if (f->fault->what & (FDT_FAULT_ERROR | FDT_FAULT_RETVAL)) {
		f->skip = true;
		f->ret = f->fault->what & FDT_FAULT_ERROR ? -1 : f->fault->retval;
		if (f->fault->what & FDT_FAULT_ERROR)
			errno = f->fault->error;
	}
}

void
fault_leave(struct frame *f)
{
	if (f->fault == NULL)
		return;
	if (f->fault->what & FDT_FAULT_SIGNAL)
		sys3(SYS_tgkill, self.pid, self.tid, f->fault->signal);
	if (f->fault->what & FDT_FAULT_DELAY_EXIT)
		pause_for(f->fault->delay_exit_ns);
}
